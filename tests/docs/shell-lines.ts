import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { cliTree } from './cli-tree.ts'
import { found, read, root } from './pages.ts'

/** Commands of every machine, whose arguments are the reader's own. */
const everyday = new Set([
  'cd',
  'mkdir',
  'kill',
  'cp',
  'export',
  'git',
  'sqlite3',
  'echo',
  'kcat',
  'nats',
  'psql',
  'rabbitmqadmin',
  'redis-cli',
])

/** What is wrong with commands that a page tells its reader to run: scripts, programs, commands or options that do not exist. */
export async function shellMistakes(text: string): Promise<string[]> {
  const mistakes: string[] = []
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const commands = line
      .replace(/(^|\s)#.*$/, '')
      .split(/&&|\||;/)
      .map((command) => command.trim().replace(/^\$ /, '').replace(/ &$/, ''))
    for (const command of commands) {
      const why =
        command === '' ? undefined : await mistakeIn(command.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word)))
      if (why !== undefined) mistakes.push(`${command}: ${why}`)
    }
  }
  return mistakes
}

async function mistakeIn([program = '', ...args]: readonly string[]): Promise<string | undefined> {
  if (program === '' || everyday.has(program)) return undefined
  if (program === 'npm') return npmMistake(args)
  if (program === 'node') return nodeMistake(args)
  if (program === 'npx' && args[0] === 'vitest')
    return isThere(args.at(-1) as string) ? undefined : 'there is no such test'
  if (program === 'npx' && args[0] === 'tidings') return cliMistake(args.slice(1))
  if (program === 'tidings') return cliMistake(args)
  return 'nothing checks this command; mark the block as text, or cut it from a file'
}

function npmMistake([command = '', ...names]: readonly string[]): string | undefined {
  const [name = ''] = names
  if (['install', 'i', 'exec'].includes(command) && names.some((one) => /^@?tidings(?:$|[/@])/.test(one)))
    return 'it is not released; install it from the checkout, by its path'
  if (['ci', 'init', 'install', 'pkg'].includes(command)) return undefined
  const script = command === 'run' ? name : command
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  return script in scripts ? undefined : `package.json has no script '${script}'`
}

function nodeMistake(args: readonly string[]): string | undefined {
  const program = args.find((arg) => !arg.startsWith('--')) ?? ''
  return isThere(program) ? undefined : `there is no program '${program}'`
}

/** From the root, or in the folder of an example, as the readers of tutorials have it. */
function isThere(file: string): boolean {
  return existsSync(join(root, file)) || found([`examples/*/${file}`]).length > 0
}

async function cliMistake(args: readonly string[]): Promise<string | undefined> {
  const tree = await cliTree()
  let path = ''
  for (const word of args) {
    const deeper = path === '' ? word : `${path} ${word}`
    if (!tree.has(deeper)) break
    path = deeper
  }
  const next = args[path.split(' ').filter((word) => word !== '').length]
  const group = [...(tree.get(path) ?? [])].some((word) => tree.has(path === '' ? word : `${path} ${word}`))
  if (path !== '' && group && next !== undefined && !next.startsWith('-'))
    return `'tidings ${path}' has no command '${next}'`
  if (path === '' && args.some((word) => !word.startsWith('-'))) return `there is no command '${args[0]}'`
  const known = new Set([...(tree.get(path) ?? []), '--help', '--version'])
  const strange = args.find((word) => /^--\w/.test(word) && !known.has(word.split('=')[0] as string))
  return strange === undefined ? undefined : `'tidings ${path}' has no option ${strange}`
}
