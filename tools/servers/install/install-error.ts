import { lastWords, ProgramError } from '../run-program.ts'

/** A server that could not be had, in a sentence for the closing lines. */
export class InstallError extends Error {
  /** Nothing is wrong but that this machine reaches no network. */
  readonly offline: boolean

  constructor(message: string, offline = false) {
    super(message)
    this.name = 'InstallError'
    this.offline = offline
  }
}

/** What apt-get, Go, pip and Maven say when there is no network, or nobody at the other end. */
const noNetwork =
  /temporary failure (in name resolution|resolving)|name or service not known|could not resolve|no such host|unknown host|unknownhostexception|network is unreachable|no route to host|failed to establish a new connection|cannot initiate the connection|could not connect to|connection (refused|timed out)|connect timed out|i\/o timeout|server misbehaving|nodename nor servname/i

export function isOffline(output: string): boolean {
  return noNetwork.test(output)
}

/** Runs a step of an installation; `what` was to be had by `how`. */
export async function installStep<T>(what: string, how: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (error instanceof InstallError) throw error
    const output = error instanceof ProgramError ? error.output : String(error)
    const lines = output.split('\n')
    const telling = lines.findLast(isOffline) ?? lines.findLast((line) => /error|^E:|failed/i.test(line))
    const reason = (telling ?? lastWords(output)).trim().slice(0, 300)
    const message = isOffline(output)
      ? `${what} could not be downloaded: this machine reaches no network (${how}: ${reason})`
      : `${what} could not be installed (${how}: ${reason})`
    throw new InstallError(message, isOffline(output))
  }
}
