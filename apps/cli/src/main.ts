import { userInfo } from 'node:os'

import { sharedStore, TidingsError } from 'tidings'
import { realRuntime } from 'tidings/spi'

import { runCli } from './run-cli.ts'

const interrupted = new AbortController()
const runtime = realRuntime()

// The first interrupt ends the command in its own time, a second one ends the process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    interrupted.abort(new TidingsError('TIDINGS_WITHDRAWN', `Interrupted by ${signal}.`))
  })
}

// SQLite is still named experimental by some Node 24 releases; whoever runs a command need not hear it.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`${warning.name}: ${warning.message}\n`)
})

const code = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  runtime,
  signal: interrupted.signal,
  user: user(),
  open,
})

// What an interrupt cut short says so as shells expect it; a command that ended well in spite of it has ended well.
process.exitCode = interrupted.signal.aborted && code !== 0 ? 130 : code

// Standard input may still be waited for where a command ended without it.
process.stdin.destroy()

function open(url: string): ReturnType<typeof sharedStore> {
  if (url.startsWith('memory:')) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      'A store in memory lives in its own process; from here there is nothing to see.',
      {
        details: { field: 'url' },
      },
    )
  }
  return sharedStore(url, { runtime })
}

function user(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
