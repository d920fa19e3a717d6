import type { FastifyReply } from 'fastify'

import { HttpProblem } from '../problems.ts'

/** Most browsers that may watch at once. */
const mostWatchers = 50
/** Bytes that may wait for a slow browser before it is let go; it comes back by itself. */
const mostWaiting = 1_048_576

/** Server-sent events to many browsers. */
export class EventStream {
  readonly #watchers = new Set<FastifyReply>()
  readonly #changed: () => void

  /** @param changed Called when a watcher comes or goes. */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** Throws a problem, 503, where as many watch as may. */
  assertRoom(): void {
    if (this.#watchers.size >= mostWatchers)
      throw new HttpProblem({ status: 503, title: 'Too many watch already', headers: { 'retry-after': '10' } })
  }

  /**
   * Takes the reply over. It ends when the browser goes away, or with `close`. False where the browser has gone already: nothing would ever tell that
   * it has. Throws as `assertRoom` does; then the reply is not taken.
   */
  add(reply: FastifyReply): boolean {
    if (reply.raw.destroyed) {
      reply.hijack()
      return false
    }
    this.assertRoom()
    reply.hijack()
    const headers = {
      ...reply.getHeaders(),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    }
    reply.raw.writeHead(200, headers as Record<string, string>)
    this.#watchers.add(reply)
    reply.raw.on('close', () => {
      this.#watchers.delete(reply)
      this.#changed()
    })
    this.#changed()
    return true
  }

  /** Tells one watcher, or all. */
  send(event: string, data: unknown, to: Iterable<FastifyReply> = this.#watchers): void {
    // JSON holds no line breaks, so it is always one `data` line.
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    for (const { raw } of to) {
      if (raw.writableLength > mostWaiting) raw.destroy()
      else raw.write(text)
    }
  }

  close(): void {
    for (const { raw } of this.#watchers) raw.end()
    this.#watchers.clear()
  }
}
