import { describe, expect, it } from 'vitest'

import { Beginning } from './beginning.ts'

interface Attempt {
  readonly succeed: () => void
  readonly fail: (error: Error) => void
}

function beginning(): { readonly attempts: Attempt[]; readonly made: Beginning } {
  const attempts: Attempt[] = []
  const made = new Beginning(() => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    attempts.push({ succeed: resolve, fail: reject })
    return promise
  })
  return { attempts, made }
}

describe('what comes first on a connection', () => {
  it('is done once for all who wait, and owed again with the next connection', async () => {
    const { attempts, made } = beginning()
    const [one, other] = [made.ready(), made.ready()]
    expect(attempts).toHaveLength(1)
    attempts[0]?.succeed()
    await one
    await other
    expect(made.ready()).toBeUndefined()
    made.renew()
    expect(attempts).toHaveLength(2)
    expect(made.ready()).toBeInstanceOf(Promise)
  })

  it('is tried again by whoever asks after a failure, and by nobody else', async () => {
    const { attempts, made } = beginning()
    made.renew()
    attempts[0]?.fail(new Error('away'))
    await expect(made.ready()).rejects.toThrow('away')
    expect(attempts).toHaveLength(1)
    const again = made.ready()
    expect(attempts).toHaveLength(2)
    attempts[1]?.succeed()
    await again
    expect(made.ready()).toBeUndefined()
  })

  it('counts nothing that was begun on the connection before', async () => {
    const { attempts, made } = beginning()
    const old = made.ready()
    made.renew()
    attempts[0]?.succeed()
    await old
    expect(made.ready()).toBeInstanceOf(Promise)
    attempts[1]?.succeed()
    await made.ready()
    made.forget()
    expect(made.ready()).toBeInstanceOf(Promise)
    expect(attempts).toHaveLength(3)
  })
})
