import { inspect } from 'node:util'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { host, type RabbitmqWorld, rabbitmqWorld, url } from '../tests/rabbitmq-world.ts'
import { rabbitmq, transportFromUrl } from './index.ts'

describe('opening', without('rabbitmq'), () => {
  let world: RabbitmqWorld
  beforeEach(() => {
    world = rabbitmqWorld()
  })
  afterEach(() => world.end())

  it('refuses a number of partitions that is not the one of the prefix', async () => {
    await Promise.all([world.open(), world.open()])
    await expect(world.open({ partitions: 4 })).rejects.toMatchObject({
      code: 'TIDINGS_INVALID_OPTION',
      details: { field: 'partitions', expected: 8, got: 4 },
    })
    expect((await world.open({ partitions: 8 })).capabilities.partitions).toBe(8)
  })

  it('says what to look at where the broker refuses, and never the password', async () => {
    const { host: at } = new URL(url)
    const refusals = [`amqp://tidings:swordfish-1@${at}/`, `amqp://nobody:swordfish-1@${at}/`, `${url}/swordfish-1`]
    for (const one of refusals) {
      const failure: unknown = await transportFromUrl(one)
        .open(host)
        .catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
      if (one !== refusals[2]) expect(inspect(failure, { depth: 10 })).not.toContain('swordfish')
    }
  })
})

describe('opening where nobody listens', () => {
  it('gives up when the time to connect is over', async () => {
    const adapter = rabbitmq({ hosts: ['127.0.0.1:1'], connectTimeout: 300, password: 'swordfish-1' })
    const failure: unknown = await adapter.open(host).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'TIDINGS_BROKER_UNAVAILABLE', details: { reason: 'ECONNREFUSED' } })
    expect(inspect(failure, { depth: 10 })).not.toContain('swordfish')
  })
})
