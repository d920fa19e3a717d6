import { eventually } from '@tidings/conformance'
import { afterEach, describe, expect, it } from 'vitest'

import { without } from '../../../../tools/servers/index.ts'
import { append, cleanUp, commitOne, newSchema, open, withClient } from '../../tests/postgres-world.ts'
import { record } from '../../tests/records.ts'
import { relationsOf } from '../relations.ts'

afterEach(cleanUp)

const patience = { deadline: 10_000 }

describe('watching', without('postgres'), () => {
  it('hears by notification of what other stores commit, documents too, long before it would look', async () => {
    const schema = newSchema()
    const [store, other] = [await open(schema, { poll: 60_000 }), await open(schema, { poll: 60_000 })]
    let wakes = 0
    store.watch(() => void wakes++)
    // The first wake says that it listens.
    await eventually(() => wakes > 0, patience)
    for (const unit of [{ append: [record()] }, { documents: [{ collection: 'c', id: 'd', put: '' }] }]) {
      const before = wakes
      await commitOne(other, unit)
      await eventually(() => wakes > before, patience)
    }
  })

  it('finds what nobody has told of by looking', async () => {
    const schema = newSchema()
    const store = await open(schema, { poll: 20 })
    let wakes = 0
    store.watch(() => void wakes++)
    await eventually(() => wakes > 0, patience)
    for (let round = 0; round < 3; round++) {
      await withClient(async (client) => {
        await client.query('begin')
        await store.appendWithin(client, [{ append: [record()] }])
        const before = wakes
        await client.query('commit')
        await eventually(() => wakes > before, patience)
      })
    }
  })

  it('listens again when its connection was cut, and is woken then', async () => {
    const schema = newSchema()
    const store = await open(schema, { poll: 100, applicationName: 'watch-cut' })
    const other = await open(schema)
    let wakes = 0
    store.watch(() => void wakes++)
    const listens = async (): Promise<boolean> => {
      const { rows } = await withClient((client) =>
        client.query("select pid from pg_stat_activity where application_name = 'watch-cut' and query = $1", [
          `listen ${relationsOf(schema, 'events').channel}`,
        ]),
      )
      return rows.length > 0
    }
    await eventually(listens, patience)
    await withClient((client) =>
      client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'watch-cut'"),
    )
    await eventually(async () => {
      const before = wakes
      await append(other, record())
      await eventually(() => wakes > before, { deadline: 1_000 })
      return listens()
    }, patience)
  })

  it('tells in few notifications of many commits', async () => {
    const schema = newSchema()
    const store = await open(schema)
    let heard = 0
    await withClient(async (client) => {
      client.on('notification', () => void heard++)
      await client.query(`listen ${relationsOf(schema, 'events').channel}`)
      const began = performance.now()
      for (let commit = 0; commit < 200; commit++) await append(store, record())
      await eventually(() => heard > 0, patience)
      // At most one every ten milliseconds, by a timer that may be a little early.
      expect(heard).toBeLessThanOrEqual((performance.now() - began) / 9 + 2)
    })
  })
})
