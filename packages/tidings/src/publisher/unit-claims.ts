import type { DocumentChange, Expectation } from '../store/store.ts'
import type { claimContent } from './content-mark.ts'

/** The event that another one repeats. */
export interface Repeated {
  readonly id: string
}

/**
 * Contents that one unit of a handler or a transaction publishes and that may exist once only: what the unit must expect and write so that they stay
 * the only ones. Where somebody else is faster, the unit conflicts with their mark, and nothing of it is written.
 */
export class UnitClaims {
  readonly expect: Expectation[] = []
  readonly documents: DocumentChange[] = []
  /** By mark; the second event of the same unit need not ask the store. */
  readonly #claimed = new Map<string, Promise<Repeated>>()

  /** Resolves with the event that this one repeats, in the store or in the same unit; undefined: it is new, and claimed. */
  async claim(mark: string, id: string, look: () => ReturnType<typeof claimContent>): Promise<Repeated | undefined> {
    const earlier = this.#claimed.get(mark)
    if (earlier !== undefined) return earlier
    const looking = look()
    this.#claimed.set(
      mark,
      looking.then((claim) => ('first' in claim ? claim.first : { id })),
    )
    // Whoever repeats it hears of a failure by its own call.
    this.#claimed.get(mark)?.catch(() => {})
    const claim = await looking
    if ('first' in claim) return claim.first
    this.expect.push(claim.expect)
    this.documents.push(claim.document)
    return undefined
  }
}
