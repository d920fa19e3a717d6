import type * as kafka from '@platformatic/kafka'
import { TidingsError } from 'tidings/spi'

/** Only its types: what it does is loaded below. */
export type Client = typeof kafka

/** The vendor's client costs a quarter of a second and 65 MB: it is loaded when the first transport opens. */
export async function loadClient(): Promise<Client> {
  try {
    return await import('@platformatic/kafka')
  } catch (error) {
    throw new TidingsError(
      'TIDINGS_ADAPTER_MISSING',
      'Cannot load @platformatic/kafka; install it beside @tidings/kafka.',
      {
        cause: error,
        details: { package: '@platformatic/kafka' },
      },
    )
  }
}
