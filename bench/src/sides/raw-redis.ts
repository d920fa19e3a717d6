import { randomUUID } from 'node:crypto'

import { createClient } from '@redis/client'

import type { Side, SideHost } from '../harness/side.ts'
import { envelopeOf, keyOf } from '../order-event.ts'
import { Tally } from './tally.ts'

const group = 'orders'

/**
 * `@redis/client` by hand: one stream, one XADD an event; the client sends all calls of a turn together. Option `url`; `handled`: a group of one
 * consumer reads up to 500 at a time, awaits an async handler for each, and acknowledges them in one call.
 */
export async function open({ options }: SideHost): Promise<Side> {
  const { url, handled = false } = options
  const stream = `bench:${randomUUID()}`
  const client = await connected(String(url))
  const tally = new Tally()
  let acknowledged = 0
  let open = true
  let reading: Promise<void> = Promise.resolve()
  const reader = handled === true ? await connected(String(url)) : undefined
  if (reader !== undefined) {
    await client.xGroupCreate(stream, group, '0', { MKSTREAM: true })
    const handle = async (_message: unknown): Promise<void> => tally.add()
    reading = (async () => {
      while (open) {
        const read = (await reader.xReadGroup(group, 'one', { key: stream, id: '>' }, { COUNT: 500, BLOCK: 20 })) as
          | readonly { readonly messages: readonly { readonly id: string; readonly message: { event: string } }[] }[]
          | null
        const messages = read?.[0]?.messages ?? []
        if (messages.length === 0) continue
        for (const { message } of messages) await handle(JSON.parse(message.event))
        await reader.xAck(
          stream,
          group,
          messages.map(({ id }) => id),
        )
      }
    })()
  }
  const add = async (at: number): Promise<void> => {
    await client.xAdd(stream, '*', { key: keyOf(at), event: JSON.stringify(envelopeOf(at)) })
    acknowledged++
  }
  return {
    one: add,
    batch: (from, count) => Promise.all(Array.from({ length: count }, (_, at) => add(from + at))),
    seen: () => (handled === true ? tally.count : acknowledged),
    finished: (total) => (handled === true ? tally.reach(total) : Promise.resolve()),
    close: async () => {
      open = false
      await reading
      await client.del(stream)
      for (const one of [client, reader]) one?.destroy()
    },
  }
}

async function connected(url: string): Promise<ReturnType<typeof createClient>> {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  return client as ReturnType<typeof createClient>
}
