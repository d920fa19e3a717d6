import { CommanderError } from 'commander'
import { isTidingsError } from 'tidings'

import type { ExitCode } from './session.ts'
import type { Output } from './terminal/output.ts'
import { ReaderGone } from './terminal/output.ts'
import { safeJson } from './terminal/safe-text.ts'
import { line, red, safeLines } from './terminal/text.ts'

/** Codes that mean the command line itself is wrong. */
const usage = new Set(['TIDINGS_INVALID_OPTION', 'TIDINGS_ADAPTER_UNKNOWN'])

/** Says what went wrong in one line, or as JSON, and answers the exit code. The stack is told with `--debug` alone. */
export function reportError(
  error: unknown,
  err: Output,
  options: { readonly json: boolean; readonly debug: boolean },
): ExitCode {
  if (error instanceof ReaderGone) return 0
  const told = factsOf(error)
  if (options.json) err.draw(`${safeJson(JSON.stringify({ error: told }))}\n`)
  else err.hint(line`${red('error')} ${told.code}: ${told.message}`)
  if (options.debug && error instanceof Error) for (const part of safeLines(stackOf(error))) err.hint(part)
  return usage.has(told.code) ? 2 : 1
}

interface Told {
  readonly code: string
  readonly message: string
  readonly field?: string
}

function factsOf(error: unknown): Told {
  if (isTidingsError(error)) {
    const { field } = error.details
    return { code: error.code, message: error.message, ...(typeof field === 'string' ? { field } : {}) }
  }
  if (error instanceof CommanderError) return { code: 'TIDINGS_INVALID_OPTION', message: plainUsage(error.message) }
  if (!(error instanceof Error))
    return { code: 'TIDINGS_UNEXPECTED', message: 'Something was thrown that is no error.' }
  const { code } = error as { code?: unknown }
  return {
    code: typeof code === 'string' ? code : 'TIDINGS_UNEXPECTED',
    message: error.message === '' ? error.name : error.message,
  }
}

/** Commander begins with `error:` and puts its guess on a line of its own. */
function plainUsage(message: string): string {
  return message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
}

function stackOf(error: Error): string {
  const causes: string[] = []
  for (let one: unknown = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++)
    causes.push(one.stack ?? one.message)
  return causes.join('\ncaused by ')
}
