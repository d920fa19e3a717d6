import type { EventContext } from './event.ts'

/** What a context may say. */
export const contextNames: Readonly<Record<keyof EventContext, true>> = Object.freeze({
  tenantId: true,
  userId: true,
  sessionId: true,
  locationId: true,
  actor: true,
  correlationId: true,
  causationId: true,
  traceparent: true,
  tracestate: true,
  business: true,
  extensions: true,
})
