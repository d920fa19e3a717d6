import { TidingsError } from '../kernel/errors.ts'
import { attribute } from '../prepare/attributes.ts'
import type { StreamName } from '../store/store.ts'

/** A stream by its parts, or as `category/key`, `tenant/category/key` or `category:key`. */
export type StreamLike = string | { readonly category: string; readonly key: string; readonly tenant?: string }

/** Throws `TIDINGS_INVALID_OPTION` or `TIDINGS_INVALID_EVENT` for what names no stream. */
export function streamName(like: StreamLike): StreamName {
  if (typeof like === 'string') return fromText(like)
  if (typeof like !== 'object' || like === null) throw noStream()
  const { tenant = '', category, key } = like
  return {
    tenant: tenant === '' ? '' : attribute('stream.tenant', tenant),
    category: attribute('stream.category', category),
    key: attribute('stream.key', key),
  }
}

function fromText(text: string): StreamName {
  const parts = text.split('/')
  if (parts.length === 3) return streamName({ tenant: parts[0] ?? '', category: parts[1] ?? '', key: parts[2] ?? '' })
  if (parts.length === 2) return streamName({ category: parts[0] ?? '', key: parts[1] ?? '' })
  const colon = text.indexOf(':')
  if (parts.length === 1 && colon > 0) return streamName({ category: text.slice(0, colon), key: text.slice(colon + 1) })
  throw noStream()
}

function noStream(): TidingsError {
  return new TidingsError(
    'TIDINGS_INVALID_OPTION',
    "Expected `stream` to be 'category/key', 'tenant/category/key' or 'category:key', or an object with those parts.",
    { details: { field: 'stream' } },
  )
}
