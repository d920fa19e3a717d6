import type { Session } from '../session.ts'
import { dim } from './text.ts'

/** What programs are told of a list that goes on. */
export interface More {
  /** Where an option `--after` goes on. */
  readonly next?: string
  /** Of sums: all that was counted, and how many are in none that is listed. */
  readonly total?: number
  readonly elsewhere?: number
}

/** Says that a list goes on: to programs as a last line that begins with `more`, to people beside the output. */
export async function tellMore(session: Session, hint: string, more: More = {}): Promise<void> {
  if (session.json) await session.out.json({ more: true, ...more })
  else await session.err.line(dim(hint))
}
