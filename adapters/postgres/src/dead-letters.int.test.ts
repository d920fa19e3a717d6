import { eventually } from '@tidings/conformance'
import { createEventBus, defineEvent, PermanentError, RetryAfter } from 'tidings'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { atEnd, cleanUp, commitOne, newSchema, open, urlOf, withClient } from '../tests/postgres-world.ts'

afterEach(cleanUp)

const patience = { deadline: 10_000 }
const Registered = defineEvent('user.registered', { version: '1.0.0', key: (user: { name: string }) => user.name })

describe('the relation dead_letter_queue', without('postgres'), () => {
  it('shows what a running bus has parked for good, as one would ask for it in SQL', async () => {
    const schema = newSchema()
    // The URL alone is enough: the bus finds the adapter by it.
    const bus = await createEventBus({ url: urlOf(schema), source: '/users' })
    atEnd(() => bus.close())
    bus.subscribe(Registered, { name: 'mailer' }, (event) => {
      if (event.data.name === 'later') throw new RetryAfter(3_600_000)
      throw new PermanentError(`No mail for ${event.data.name}`)
    })
    await bus.start()
    for (const name of ['ada', 'later', 'grace']) await bus.publish(Registered, { name }, { tenantId: 'acme' })
    // In the schema `event_store` this is the line of the mission, word by word.
    const ask = `SELECT * FROM ${schema}.dead_letter_queue WHERE event_name = 'user.registered' ORDER BY last_failed_at DESC`
    await withClient(async (client) => {
      await eventually(async () => (await client.query(ask)).rows.length === 2, patience)
      const { rows } = await client.query(ask)
      expect(new Set(rows.map((row) => row.error))).toEqual(new Set(['No mail for ada', 'No mail for grace']))
      const ada = rows.find((row) => row.error === 'No mail for ada')
      expect(ada).toMatchObject({
        event_name: 'user.registered',
        subscription: 'mailer',
        attempts: '1',
        stream: 'acme/user/ada',
        tenant: 'acme',
        payload: '{"name":"ada"}',
        error_name: 'PermanentError',
      })
      expect(ada.event_id).toMatch(/^[0-9a-f-]{36}$/)
      expect(ada.first_failed_at).toBeInstanceOf(Date)
      expect(ada.last_failed_at.getTime()).toBeGreaterThanOrEqual(ada.first_failed_at.getTime())
    })
  })

  it('runs although a document cannot be read as JSON, or holds what PostgreSQL text cannot', async () => {
    const schema = newSchema()
    const store = await open(schema)
    const bodies = [
      'nonsense',
      '[]',
      'null',
      '{"state":"dead","type":"a\\u0000b"}',
      '{"state":"dead","type":"\\ud800"}',
      '{"state":"retry"}',
    ]
    await commitOne(store, { documents: bodies.map((put, at) => ({ collection: 'parked', id: String(at), put })) })
    const { rows } = await withClient((client) => client.query(`select event_name from ${schema}.dead_letter_queue`))
    expect(rows).toEqual([{ event_name: 'a\ufffdb' }, { event_name: '\ufffd' }])
  })
})
