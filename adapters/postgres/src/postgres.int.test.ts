import { logBackend, testStore, testTransport } from '@tidings/conformance'
import { realRuntime } from 'tidings/spi'
import { afterAll, describe, it } from 'vitest'

import { without } from '../../../tools/servers/index.ts'
import { dropSchema, hostOf, schemaOf, url, urlOf } from '../tests/postgres-world.ts'
import { postgres } from './index.ts'

const runner = { describe, it, afterAll }
const runtime = realRuntime()

const inSchema = (place: string): ReturnType<ReturnType<typeof postgres>['open']> =>
  postgres(urlOf(schemaOf(place)), { pool: 4 }).open(hostOf(runtime))
const remove = (place: string): Promise<void> => dropSchema(schemaOf(place))

describe('PostgreSQL', without('postgres'), () => {
  if (url === undefined) return

  testStore({ name: 'postgres', runner, create: inSchema, reopen: inSchema, remove })

  testTransport({
    ...logBackend({ name: 'log over postgres', runtime, store: inSchema, remove, log: { lease: 600, poll: 20 } }),
    runner,
  })
})
