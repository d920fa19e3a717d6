import type { SagaDocument } from './saga-document.ts'

// biome-ignore lint/suspicious/noExplicitAny: what steps return and hear is known to whoever wrote them.
// oxlint-disable-next-line typescript/no-explicit-any
type Anything = any

/** What is known of a saga, for functions that only look. */
export interface SagaView<Data> {
  /** Of its definition. */
  readonly name: string
  /** Which one of its name: what `correlate` has answered. */
  readonly key: string
  /** Undefined where there is none. */
  readonly tenantId: string | undefined
  /** Data of the event that started it. */
  readonly data: Data
  /** What steps and effects have returned, by name. */
  readonly results: Readonly<Record<string, Anything>>
  /** Data of the events that steps have waited for, by step. */
  readonly heard: Readonly<Record<string, Anything>>
}

export function viewOf({ saga, key, tenant, data, results, heard }: SagaDocument): SagaView<Anything> {
  return { name: saga, key, tenantId: tenant === '' ? undefined : tenant, data, results, heard }
}
