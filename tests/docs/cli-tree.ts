import { PassThrough, Writable } from 'node:stream'

import { runCli } from '@tidings/cli'
import { virtualRuntime } from 'tidings/testing'

/** Runs a command line that needs no store, and answers what it prints. */
export async function runCliText(args: readonly string[]): Promise<string> {
  let text = ''
  const sink = Object.assign(
    new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        text += chunk
        done()
      },
    }),
    { columns: 100 },
  )
  const code = await runCli(args, {
    stdout: sink,
    stderr: sink,
    stdin: new PassThrough().end(),
    env: {},
    runtime: virtualRuntime(),
    signal: new AbortController().signal,
    user: 'reader',
    open: () => Promise.reject(new Error('No store is needed to explain a command.')),
  })
  if (code !== 0) throw new Error(`tidings ${args.join(' ')} ended with ${code}: ${text}`)
  return text
}

/** Every command by its words, such as `parked list`, with the commands and options that may follow it. The root is ''. */
export async function cliTree(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const script = await runCliText(['completion', 'bash'])
  const tree = new Map<string, ReadonlySet<string>>()
  for (const [, path = '', words = ''] of script.matchAll(/^ {4}(?:\*|"([^"]+) "\*)\) words='([^']*)' ;;$/gm)) {
    tree.set(path, new Set(words.split(' ')))
  }
  return tree
}

/** What each command says of itself, as one page. */
export async function cliHelp(): Promise<string> {
  const tree = await cliTree()
  const parts: string[] = []
  for (const path of [...tree.keys()].sort()) {
    const help = (await runCliText([...path.split(' ').filter((word) => word !== ''), '--help'])).trimEnd()
    parts.push(`## ${path === '' ? 'tidings' : `tidings ${path}`}\n\n\`\`\`text\n${help}\n\`\`\``)
  }
  return parts.join('\n\n')
}
