import { connect } from 'node:net'

const patience = 2_000

/**
 * Connects, says something and resolves with what comes back as soon as `enough` holds; undefined when that does not
 * happen within two seconds.
 */
export function ask(
  port: number,
  question: Buffer | string,
  enough: (answer: Buffer) => boolean,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0)
    const socket = connect({ port, host: '127.0.0.1' })
    const end = (result: Buffer | undefined): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(patience, () => end(undefined))
    socket.once('connect', () => socket.write(question))
    socket.on('data', (part) => {
      answer = Buffer.concat([answer, part])
      if (enough(answer)) end(answer)
    })
    socket.on('error', () => end(undefined))
    socket.on('close', () => end(undefined))
  })
}

/** True when the address answers with a status of 200 to 299. */
export async function answersHttp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patience) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
