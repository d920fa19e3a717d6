import { createInterface } from 'node:readline/promises'

import type { Session } from '../session.ts'
import { bold, line } from './text.ts'

/** Asks a question that only `y` or `yes` affirms. The end of the input, and an interrupt, mean no. */
export async function confirm({ host, err }: Session, question: string): Promise<boolean> {
  const lines = createInterface({ input: host.stdin, output: host.stderr })
  try {
    const answer = await lines.question(line`${bold(question)} [y/N] `.render(err.colours), { signal: host.signal })
    return /^y(es)?$/i.test(answer.trim())
  } catch {
    return false
  } finally {
    lines.close()
  }
}
