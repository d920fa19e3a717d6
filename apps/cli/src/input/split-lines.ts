import type { ImportLine } from 'tidings'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Lines of a stream of bytes, numbered from 1, without their ends. Empty lines and a byte order mark are left out. A line above `longest` bytes is
 * told by its number and read past, so memory stays bounded whatever the file. `progress` is called with the bytes read so far.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  longest: number,
  progress: (bytes: number) => void = () => {},
): AsyncGenerator<ImportLine> {
  let number = 1
  let parts: Uint8Array[] = []
  let size = 0
  let read = 0
  const take = (last: Uint8Array): ImportLine | undefined => {
    const tooLong = size + last.byteLength > longest
    const bytes = tooLong ? undefined : clean(parts.length === 0 ? last : Buffer.concat([...parts, last]), number)
    parts = []
    size = 0
    const at = number++
    return bytes?.byteLength === 0 ? undefined : { number: at, bytes }
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const taken = take(chunk.subarray(from, end))
      from = end + 1
      progress(read + from)
      if (taken !== undefined) yield taken
    }
    read += chunk.byteLength
    const rest = chunk.subarray(from)
    size += rest.byteLength
    if (size > longest) parts = []
    else if (rest.byteLength > 0) parts.push(rest)
    progress(read)
  }
  if (size > 0) {
    const taken = take(new Uint8Array())
    if (taken !== undefined) yield taken
  }
}

function clean(line: Uint8Array, number: number): Uint8Array {
  const from = number === 1 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0
  const to = line.at(-1) === carriageReturn ? line.byteLength - 1 : line.byteLength
  const bytes = line.subarray(from, Math.max(from, to))
  return bytes.every((byte) => byte === 0x20 || byte === 0x09) ? bytes.subarray(0, 0) : bytes
}
