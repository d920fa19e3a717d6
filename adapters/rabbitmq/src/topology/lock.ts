import { type Host, sleep } from 'tidings/spi'

import { reasonOf } from '../connection/broker-error.ts'
import type { Link } from '../connection/link.ts'

const shortest = 20
const longest = 200

/**
 * Runs `use` while no other connection runs it under the same name: the lock is an exclusive queue, which the broker takes back when its
 * connection ends. After `patience` milliseconds `use` runs all the same and is told so; when the signal aborts the wait rejects. Does not keep
 * callers on one connection apart.
 */
export async function underLock<Result>(
  link: Link,
  name: string,
  host: Host,
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
  use: (locked: boolean) => Promise<Result>,
): Promise<Result> {
  const { runtime } = host
  const began = runtime.monotonic()
  for (;;) {
    const channel = await link.acquire()
    try {
      await channel.queueDeclare({ queue: name, exclusive: true, autoDelete: false })
    } catch (error) {
      // The broker has ended the channel with its refusal.
      if (reasonOf(error) !== 'RESOURCE_LOCKED') throw error
      if (runtime.monotonic() - began >= patience) return use(false)
      await sleep(runtime, shortest + runtime.random() * (longest - shortest), signal)
      continue
    }
    try {
      return await use(true)
    } finally {
      // Where the connection has gone the lock has, too.
      await channel.queueDelete({ queue: name }).catch(() => {})
      await channel.close()
    }
  }
}
