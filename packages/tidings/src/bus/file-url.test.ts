import { describe, expect, it } from 'vitest'

import { configFrom } from '../config/config-from.ts'
import { createEventBus } from './create-event-bus.ts'
import { sharedStore } from './shared-store.ts'

const paths = [
  ['./x.db', 'sqlite:./x.db'],
  ['x.db', 'sqlite:./x.db'],
  ['data/x.sqlite3', 'sqlite:./data/x.sqlite3'],
  ['../x.sqlite', 'sqlite:../x.sqlite'],
  ['/path/x.db', 'sqlite:/path/x.db'],
] as const

describe('a path where a URL is asked for', () => {
  it.each(paths)('%s is answered with the URL that it would be', async (path, url) => {
    const suggestion = `for this file say \`${url}\``
    const wrong = { code: 'TIDINGS_ADAPTER_UNKNOWN', message: expect.stringContaining(suggestion) as string }
    await expect(createEventBus({ url: path })).rejects.toMatchObject(wrong)
    await expect(sharedStore(path)).rejects.toMatchObject(wrong)
    for (const name of ['TIDINGS_URL', 'TIDINGS_STORE_URL'])
      expect(() => configFrom({ [name]: path })).toThrow(suggestion)
  })

  it('is told without a scheme that it does not have, and what may be a secret is not repeated', async () => {
    for (const secret of [
      'hunter2',
      'ada:hunter2@host/x.db',
      'ada@hunter2.db',
      'hunter2.db?x=1',
      `${'hunter2'.repeat(99)}.db`,
    ]) {
      const error = (await createEventBus({ url: secret }).catch((thrown: unknown) => thrown)) as Error
      expect(error).toMatchObject({ code: 'TIDINGS_ADAPTER_UNKNOWN' })
      expect(error.message).not.toContain('hunter2')
      expect(() => configFrom({ TIDINGS_URL: secret })).not.toThrow('hunter2')
    }
    await expect(createEventBus({ url: 'x.db' })).rejects.toThrow('got no scheme')
    await expect(createEventBus({ url: 'x.db', transportUrl: 'broker.db' })).rejects.not.toThrow('sqlite:./broker.db')
  })
})
