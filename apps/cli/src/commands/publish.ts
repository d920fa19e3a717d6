import { open } from 'node:fs/promises'

import { type ImportProgress, type RefusedLine, TidingsError } from 'tidings'

import { parseCount } from '../input/parse-options.ts'
import { splitLines } from '../input/split-lines.ts'
import type { Attach, Session } from '../session.ts'
import { ReaderGone } from '../terminal/output.ts'
import { line, red, yellow } from '../terminal/text.ts'

/** Room around the data of a line: attributes, and JSON that writes a character as six. */
const envelope = 1_048_576

/** Stores CloudEvents from a file. */
export const publishCommand: Attach = (parent, run) => {
  parent
    .command('publish')
    .argument('<file>', 'CloudEvents, one JSON object a line; - for standard input')
    .description('Publish CloudEvents from a file. Types need no definition; the same file can be published again.')
    .option('--batch <count>', 'events of one commit (default: 500)', parseCount)
    .option('--max-bytes <bytes>', 'largest data of one event (default: 1048576)', parseCount)
    .option('--create', 'make the store where it does not exist yet')
    .addHelpText(
      'after',
      '\nExample:\n  tidings publish events.jsonl --url sqlite:./tidings.db\n  zcat events.jsonl.gz | tidings publish -\n',
    )
    .action(
      run(async (session, options, [file = '-']) => {
        const source = await openSource(session, file)
        let whole = false
        try {
          return await session.withStore(
            async (operations) => {
              const bar = session.bar()
              const maxBytes = (options.maxBytes as number | undefined) ?? 1_048_576
              let read = 0
              const lines = splitLines(source.chunks, 6 * maxBytes + envelope, (bytes) => {
                read = bytes
                bar.show(source.size === undefined ? undefined : bytes / source.size, () => says(last, bytes))
              })
              let last: ImportProgress | undefined
              const { signal } = session.host
              for await (const progress of operations.events.import(lines, {
                maxBytes,
                batch: options.batch as number | undefined,
                signal,
              })) {
                last = progress
                if (progress.refusals.length > 0) bar.clear()
                for (const refused of progress.refusals) await tellRefused(session, refused)
                bar.show(source.size === undefined ? undefined : read / source.size, () => says(last, read))
              }
              bar.clear()
              whole = true
              return summarise(session, last)
            },
            { create: options.create === true },
          )
        } catch (error) {
          // Other commands have nothing more to say; this one has more to do.
          throw error instanceof ReaderGone && !whole ? cutShort() : error
        } finally {
          await source.close()
        }
      }),
    )
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>
  /** In bytes, where it is known. */
  readonly size: number | undefined
  close(): Promise<void>
}

async function openSource(session: Session, file: string): Promise<Source> {
  if (file === '-') return { chunks: session.host.stdin, size: undefined, close: async () => {} }
  try {
    const handle = await open(file)
    const stat = await handle.stat()
    if (stat.isDirectory()) {
      await handle.close()
      throw new TidingsError('TIDINGS_INVALID_OPTION', `${file} is a folder, not a file of CloudEvents.`, {
        details: { field: 'file' },
      })
    }
    const chunks = handle.createReadStream({ autoClose: false, highWaterMark: 262_144 })
    return { chunks, size: stat.isFile() && stat.size > 0 ? stat.size : undefined, close: () => handle.close() }
  } catch (error) {
    if (error instanceof TidingsError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Cannot read ${file}: ${code === 'ENOENT' ? 'there is no such file' : (code ?? 'it cannot be opened')}.`,
      {
        cause: error,
        details: { field: 'file' },
      },
    )
  }
}

function cutShort(): TidingsError {
  return new TidingsError(
    'TIDINGS_WITHDRAWN',
    'Stopped before the end, for whoever read the output has gone. Publish the file again to go on.',
  )
}

function says(progress: ImportProgress | undefined, bytes: number): string {
  const stored = progress === undefined ? 0 : progress.stored + progress.duplicates
  return `${stored.toLocaleString('en')} events, ${(bytes / 1_048_576).toFixed(1)} MiB`
}

async function tellRefused(session: Session, refused: RefusedLine): Promise<void> {
  if (session.json) await session.out.json({ refused })
  else await session.err.line(line`${red('refused')} line ${refused.line}: ${refused.code}: ${refused.message}`)
}

async function summarise(session: Session, progress: ImportProgress | undefined): Promise<0 | 1> {
  const { lines, stored, duplicates, refused } = progress ?? { lines: 0, stored: 0, duplicates: 0, refused: 0 }
  const interrupted = session.host.signal.aborted
  if (session.json)
    await session.out.json({ lines, stored, duplicates, refused, ...(interrupted ? { interrupted } : {}) })
  else {
    const repeats = duplicates > 0 ? line`, ${yellow(`${duplicates} stored already`)}` : line``
    const wrong = refused > 0 ? line`, ${red(`${refused} refused`)}` : line``
    await session.out.line(
      line`${stored} stored${repeats}${wrong}${interrupted ? ' (interrupted; publish the file again to go on)' : ''}`,
    )
  }
  return refused > 0 || interrupted ? 1 : 0
}
