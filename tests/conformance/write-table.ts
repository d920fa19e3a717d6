/**
 * `npm run conformance`: runs the suites over every store and transport, each on its real server, and writes the table of what they declare and whether
 * it holds into docs/reference/capabilities.md.
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const page = join(root, 'docs/reference/capabilities.md')
const files = [
  'packages/conformance/src/memory.int.test.ts',
  'packages/conformance/src/log-transport.int.test.ts',
  'examples/write-an-adapter/journal-store.int.test.ts',
  'tests/conformance/log-over-sqlite.int.test.ts',
  ...['sqlite', 'postgres', 'redis', 'kafka', 'nats', 'rabbitmq'].map(
    (name) => `adapters/${name}/src/${name}.int.test.ts`,
  ),
]
const [begin, end] = ['<!-- table of the conformance run -->', '<!-- end of the table -->']

const child = spawn(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'integration', ...files],
  {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
  },
)
let output = ''
child.stdout.on('data', (chunk: Buffer) => {
  output += chunk.toString()
  process.stdout.write(chunk)
})
const code = await new Promise<number | null>((resolve) => child.on('close', resolve))

/** What a suite prints at its end: a head, a line, a row. Suites of one port share a table; what one does not speak of stays empty there. */
const rows = output
  .split('\n')
  .filter((line) => line.startsWith('|') && !line.startsWith('| ---') && !/^\| -+ \|/.test(line))
const tables = new Map<string, Map<string, ReadonlyMap<string, string>>>()
let columns: readonly string[] = []
for (const row of rows) {
  const cells = row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
  if (cells[0] === 'backend') columns = cells
  else {
    const named = new Map(columns.map((column, at) => [column, cells[at] ?? '']))
    const port = named.get('port') ?? ''
    tables.set(port, (tables.get(port) ?? new Map()).set(cells[0] ?? '', named))
  }
}
const markdown = [...tables]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([, table]) => {
    const head = [...new Set([...table.values()].flatMap((cells) => [...cells.keys()]))].filter((one) => one !== 'port')
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
    const body = [...table.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return [
      line(head),
      line(head.map(() => '---')),
      ...body.map(([, cells]) => line(head.map((column) => cells.get(column) ?? ''))),
    ].join('\n')
  })
  .join('\n\n')
const text = readFileSync(page, 'utf8')
const [from, to] = [text.indexOf(begin), text.indexOf(end)]
if (from === -1 || to === -1) throw new Error(`${page} has no place for the table.`)
if (code === 0) writeFileSync(page, `${text.slice(0, from)}${begin}\n\n${markdown}\n\n${text.slice(to)}`)
process.stdout.write(`\n${markdown}\n`)
process.exitCode = code ?? 1
