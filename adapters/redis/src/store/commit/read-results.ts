import { type CommitResult, type Expectation, type Placed, TidingsError, type Unit } from 'tidings/spi'

import type { Reply } from '../../connection/connection.ts'

const none: readonly never[] = Object.freeze([])

/** What `commitScript` answered, unit by unit. */
export function readResults(reply: Reply, group: readonly { readonly unit: Unit }[]): CommitResult[] {
  const numbers = reply as readonly (number | string)[]
  let position = Number(numbers[0])
  let at = 1
  return group.map(({ unit }): CommitResult => {
    let code = Number(numbers[at++])
    if (code === 4) {
      position = Number(numbers[at++])
      code = Number(numbers[at++])
    }
    const count = unit.append?.length ?? 0
    switch (code) {
      case 0: {
        if (count === 0) return { status: 'committed', events: none, repeated: false }
        const events = new Array<Placed>(count)
        for (let event = 0; event < count; event++)
          events[event] = { position: position++, streamVersion: Number(numbers[at++]) }
        return { status: 'committed', events, repeated: false }
      }
      case 1: {
        const expectation = unit.expect?.[Number(numbers[at++]) - 1] as Expectation
        return { status: 'conflict', expectation, actual: Number(numbers[at++]) }
      }
      case 2: {
        const events = Array.from({ length: count }, () => ({
          position: Number(numbers[at++]),
          streamVersion: Number(numbers[at++]),
        }))
        return { status: 'committed', events, repeated: true }
      }
      default:
        return { status: 'refused', error: duplicateId() }
    }
  })
}

function duplicateId(): TidingsError {
  return new TidingsError(
    'TIDINGS_DUPLICATE_ID',
    'Some events of this unit carry an `id` that is stored already, others do not; (source, id) is unique for ever.',
    { details: { field: 'id' } },
  )
}
