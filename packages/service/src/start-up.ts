import { isTidingsError } from 'tidings'

/** The part of a process that this needs. */
interface Process {
  readonly stderr: { write(text: string): unknown }
  exit(code: number): void
}

/**
 * Runs the main function of a program. What keeps it from starting, and can be mended by whoever started it, is told in one line; anything
 * else with its stack. Then the process ends with 1.
 */
export async function startUp(main: () => Promise<unknown>, process: Process = globalThis.process): Promise<void> {
  try {
    await main()
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exit(1)
  }
}

function explain(error: unknown): string {
  if (isTidingsError(error)) return `Cannot start: ${error.message}`
  const { code, port, address, message, stack } = error as NodeJS.ErrnoException & { port?: number; address?: string }
  switch (code) {
    case 'EADDRINUSE':
      return `Cannot start: port ${port} of ${address} is in use. Set PORT to another, or 0 for any that is free.`
    case 'EACCES':
      return `Cannot start: port ${port} of ${address} may not be used by this user. Set PORT to one above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `Cannot start: HOST ${address ?? ''} is no address of this machine.`
    default:
      return `Cannot start: ${stack ?? message}`
  }
}
