import { hash } from 'node:crypto'

/** What failures of one kind have in common. Holds no payload: numbers, ids and quoted text of the message are blanked. */
export interface Fingerprint {
  /** 12 hexadecimal digits, equal over processes, machines and line numbers. */
  readonly id: string
  readonly name: string
  /** The error's message, blanked, at most 200 characters. */
  readonly message: string
  /** Function and file of the first stack frame that is neither Node nor a dependency; empty where unknown. */
  readonly frame: string
}

/** Longest message and stack that are looked at; regular expressions below stay linear, but megabytes are not worth it. */
const longestMessage = 1_000
const longestStack = 8_000

/** Groups failures: two errors of one cause get one id although they name different orders. Takes anything that can be thrown. */
export function fingerprintOf(error: unknown): Fingerprint {
  const { name, message, stack } = facts(error)
  const blanked = blank(message)
  const frame = ownFrame(stack)
  return { id: hash('sha256', `${name}\n${blanked}\n${frame}`, 'hex').slice(0, 12), name, message: blanked, frame }
}

/** A message with quoted text, addresses, ids, hexadecimal and decimal numbers replaced by `#`. */
export function blank(message: string): string {
  return message
    .slice(0, longestMessage)
    .replace(/"[^"\n]{0,400}"|`[^`\n]{0,400}`|(?<![\p{L}\p{N}])'[^'\n]{0,400}'/gu, '#')
    .replace(/[^\s@<>(),;:]{1,64}@[^\s@<>(),;:]{1,255}/g, '#')
    .replace(/[\p{L}\p{N}_-]*\p{N}[\p{L}\p{N}_-]*/gu, '#')
    .replace(/#(?:[.,:/#-]*#)+/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}

function facts(error: unknown): { name: string; message: string; stack: string } {
  // Anything can be thrown, also objects whose getters throw.
  try {
    if (typeof error !== 'object' || error === null) return { name: typeof error, message: String(error), stack: '' }
    const { name, code, message, stack } = error as Record<string, unknown>
    const kind = typeof name === 'string' && name !== '' ? name.slice(0, 100) : 'Error'
    return {
      name: typeof code === 'string' && code !== '' ? `${kind} ${code.slice(0, 100)}` : kind,
      message: typeof message === 'string' ? message : '',
      stack: typeof stack === 'string' ? stack.slice(0, longestStack) : '',
    }
  } catch {
    return { name: 'Error', message: '', stack: '' }
  }
}

const frameLine = /^\s*at (?:async )?(?:new )?(?:(\S+) (?:\[as [^\]]*\] )?\()?(.*?)(?::\d+)?(?::\d+)?\)?$/

function ownFrame(stack: string): string {
  for (const line of stack.split('\n')) {
    if (!/^\s*at /.test(line) || /node:|node_modules[\\/]|<anonymous>|\[native code\]/.test(line)) continue
    const match = frameLine.exec(line.slice(0, 500))
    if (match === null) continue
    const file = (match[2] ?? '').replace(/[?#].*$/, '')
    // Two path segments tell files apart well enough, and the machine's own folders stay out.
    return `${match[1] ?? ''} ${file.split(/[\\/]/).slice(-2).join('/')}`.trim()
  }
  return ''
}
