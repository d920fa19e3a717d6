import { describe, expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { createTestBus } from '../testing/create-test-bus.ts'
import { documents as documentsOf } from './collection.ts'
import { defineProjection } from './define-projection.ts'
import type { Generation, ProjectionState } from './generation.ts'
import { holdGenerations } from './hold.ts'
import { changeState, readState } from './state-store.ts'
import { switchAt } from './switch-at.ts'
import { beginBuild, withHold } from './transitions.ts'

const Named = defineEvent<{ readonly id: string }>('user.named', { key: ({ id }) => id })

const users = () =>
  defineProjection('users', {
    version: 1,
    mode: 'same-commit',
    switch: 'manual',
    documents: { users: documentsOf<{ readonly id: string }>() },
    on: (on) => [on(Named, ({ data }, { documents }) => documents.users.put(data.id, data))],
  })

describe('a hold of what publishers write in their commits', () => {
  it('is lost to a publisher who finds it over, and is not taken again', async () => {
    await using here = await createTestBus()
    here.bus.use(users())
    await here.bus.start()
    await here.bus.publish(Named, { id: 'ada' })
    const { store, clock } = here
    await changeState(store, 'users', (state) => {
      if (state === undefined || state.last > 1) return undefined
      const [live] = state.generations as readonly [Generation]
      const { version, shape, types, tables, collections } = live
      const begin = { version, shape, types, tables, collections, joined: true, reason: 'rebuild', by: 'test' } as const
      return beginBuild(state, { ...begin, now: clock.now(), head: 1, switch: 'manual' })
    })
    await clock.advance('10s')
    await here.bus.settled()
    const { state } = await readState(store, 'users')
    const [live, next] = (state as ProjectionState).generations as readonly [Generation, Generation]
    const { runtime } = clock
    const host = { store, runtime, name: 'users', keep: 1_000, local: () => () => undefined, held: () => {} }
    const level = await holdGenerations({ ...host, closed: () => false }, next, live)
    if (level === undefined) throw new Error('Somebody else holds.')
    expect(await level.still()).toBeDefined()
    // Nothing else tells of it: no subscription has come by.
    here.faults.add({ what: 'lose', at: 'wake' })
    here.process.jump(60_000)
    await here.bus.publish(Named, { id: 'eve' })
    expect(await level.still()).toBeUndefined()
    await level.extend()
    expect((await readState(store, 'users')).state?.hold).toBeUndefined()
    expect(await switchAt({ ...host, closed: () => false }, level)).toBe(false)
  })

  it('keeps publishers waiting no longer than it lasts, where whoever held has died', async () => {
    await using here = await createTestBus()
    here.bus.use(users())
    await here.bus.start()
    const { store, clock } = here
    const until = clock.now() + 5_000
    await changeState(store, 'users', (state) =>
      state === undefined || state.hold !== undefined ? undefined : withHold(state, { at: 0, until, by: 'dead' }),
    )
    let over = false
    const publishing = here.bus.publish(Named, { id: 'ada' }).then(() => void (over = true))
    await clock.advance('4s')
    expect(over).toBe(false)
    await clock.advance('2s')
    await publishing
    expect((await readState(store, 'users')).state?.hold).toBeUndefined()
  })
})
