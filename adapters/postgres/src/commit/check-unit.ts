import { TidingsError, type Unit } from 'tidings/spi'

/** What the tables cannot hold, found before anything is sent. Undefined: nothing. */
export function checkUnit({ append, documents }: Unit): TidingsError | undefined {
  if (append !== undefined) {
    for (let at = 0; at < append.length; at++) {
      const { time, priority } = append[at] as (typeof append)[0]
      if (!Number.isSafeInteger(time)) return invalid('TIDINGS_INVALID_EVENT', 'time', 'a whole number of milliseconds')
      if (!Number.isInteger(priority) || priority < 0 || priority > 3)
        return invalid('TIDINGS_INVALID_EVENT', 'priority', 'a whole number from 0 to 3')
    }
  }
  if (documents !== undefined) {
    for (const change of documents) {
      if (!('put' in change) || change.index === undefined) continue
      for (const [name, value] of Object.entries(change.index)) {
        if (typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string') continue
        return invalid('TIDINGS_INVALID_OPTION', `index.${name}`, 'text or a finite number')
      }
    }
  }
  return undefined
}

function invalid(code: 'TIDINGS_INVALID_EVENT' | 'TIDINGS_INVALID_OPTION', field: string, rule: string): TidingsError {
  return new TidingsError(code, `Expected \`${field}\` to be ${rule}.`, { details: { field } })
}
