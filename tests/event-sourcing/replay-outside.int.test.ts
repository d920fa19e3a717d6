import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createReplay, defineEvent, type EventBus, operationsOf } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { type MailSink, openMailSink } from '../../apps/reference/mail-sink.ts'
import { smtpMailer } from '../../services/notifications/mailer.ts'
import { without } from '../../tools/servers/index.ts'
import { kindsOfStore, type Place } from './stores.ts'

const Shipped = defineEvent<{ readonly parcel: string; readonly n: number }>('parcel.shipped', {
  key: ({ parcel }) => parcel,
})

const hour = 3_600_000
const perHour = 60

/** Servers of the outside world, which count what reaches them. */
interface Outside {
  readonly mails: MailSink
  readonly url: string
  requests(): number
  end(): Promise<void>
}

async function openOutside(): Promise<Outside> {
  const mails = await openMailSink()
  let requests = 0
  const server: Server = createServer((request, response) => {
    requests++
    request.resume().on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    mails,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests: () => requests,
    async end() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await mails.close()
    },
  }
}

/** Where every live run stands, in each of its partitions. */
async function positions(
  bus: EventBus,
): Promise<readonly { readonly name: string; readonly watermarks: readonly number[] }[]> {
  const all = await operationsOf(bus).subscriptions()
  return all.map(({ name, partitions }) => ({ name, watermarks: partitions.map(({ watermark }) => watermark) }))
}

describe.each(kindsOfStore.filter(({ name }) => name !== 'memory'))('a past hour over $name', ({ needs, make }) => {
  describe('beside the outside world', without(...needs), () => {
    let place: Place | undefined
    let outside: Outside | undefined
    afterEach(async () => {
      await place?.end()
      await outside?.end()
    })

    it('is handled again, and nobody out there hears of it', async () => {
      place = await make()
      outside = await openOutside()
      const { mails, url } = outside
      const mailer = smtpMailer({ url: mails.url, from: 'shop@example.com' })
      const bus = await place.open()
      const again: number[] = []
      let others = 0
      bus.subscribe(Shipped, { name: 'tell', replay: 'safe' }, async ({ data }, { effect, replay }) => {
        if (replay) again.push(data.n)
        // A call of which there is a record, and one of which there is none, as when the handler has learned it only now.
        await effect('mail', (key) =>
          mailer.send({
            to: 'someone@example.com',
            subject: 'Shipped',
            text: data.parcel,
            messageId: `<${key}@example.com>`,
          }),
        )
        await effect(replay ? 'call-anew' : 'call', async (key) => {
          await (await fetch(url, { method: 'POST', headers: { 'idempotency-key': key }, body: data.parcel })).text()
        })
      })
      bus.subscribe(Shipped, { name: 'others' }, () => void others++)
      await bus.start()
      const began = Date.now() - 3 * hour
      let head = 0
      const all = Array.from({ length: 3 * perHour }, (_, n) => n)
      for (const n of all) {
        const timestamp = began + n * (hour / perHour)
        head = (await bus.publish(Shipped, { parcel: `p-${n % 20}`, n }, { timestamp })).position
      }
      await expect
        .poll(() => [mails.mails.length, outside?.requests(), others], { timeout: 60_000 })
        .toEqual([all.length, all.length, all.length])
      // Partitions that have nothing to do tell how far they have looked every few seconds.
      const lowest = async (): Promise<number> =>
        Math.min(...(await positions(bus)).flatMap(({ watermarks }) => watermarks))
      await expect.poll(lowest, { timeout: 20_000 }).toBeGreaterThanOrEqual(head)
      const before = await positions(bus)

      const second = { from: new Date(began + hour), to: new Date(began + 2 * hour) }
      const replay = createReplay(bus, { into: 'tell', ...second })
      expect(await replay.preview()).toMatchObject({ count: perHour, effects: 'skip' })
      let last: unknown
      for await (const progress of replay.start()) last = progress
      expect(last).toMatchObject({ state: 'done', count: perHour, parked: 0 })
      expect(again.toSorted((a, b) => a - b)).toEqual(all.slice(perHour, 2 * perHour))
      // Zero out there, and nobody else was asked; what is live stands where it stood.
      expect([mails.mails.length, outside.requests(), others]).toEqual([all.length, all.length, all.length])
      expect(await positions(bus)).toEqual(before)

      const unsafe = createReplay(bus, { into: 'others', ...second })
      await expect(unsafe.start()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'TIDINGS_NOT_SUPPORTED',
        details: { subscription: 'others' },
      })
      expect(others).toBe(all.length)
    })
  })
})
