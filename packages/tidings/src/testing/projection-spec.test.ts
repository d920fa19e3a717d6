import { expect, it } from 'vitest'

import { defineEvent } from '../events/define-event.ts'
import { documents } from '../projections/collection.ts'
import { defineProjection } from '../projections/define-projection.ts'
import { projectionSpec } from './projection-spec.ts'

const Deposited = defineEvent<{ readonly id: string; readonly amount: number }>('account.deposited')
const Closed = defineEvent<{ readonly id: string }>('account.closed')

const balances = defineProjection('balances', {
  version: 1,
  retry: { tries: 1 },
  documents: { balances: documents<{ readonly amount: number }>() },
  on: (on) => [
    on(Deposited, async ({ data }, { documents: { balances } }) => {
      if (data.amount < 0) throw new Error('Nobody deposits less than nothing')
      balances.put(data.id, { amount: ((await balances.get(data.id))?.amount ?? 0) + data.amount })
    }),
    on(Closed, ({ data }, { documents: { balances } }) => balances.delete(data.id)),
  ],
})

it('says what a projection shows, kept up and rebuilt', async () => {
  let checks = 0
  await projectionSpec(balances)
    .given(Deposited.create({ id: 'a', amount: 5 }), Deposited.create({ id: 'b', amount: 1 }))
    .when(Deposited.create({ id: 'a', amount: 2 }), Closed.create({ id: 'b' }))
    .shows(async ({ documents }) => {
      checks++
      expect(await documents.balances.find()).toEqual([{ id: 'a', value: { amount: 7 } }])
    })
  expect(checks).toBe(2)
})

it('tells of an event that could not be applied, and of a check that fails', async () => {
  const bad = projectionSpec(balances).given(Deposited.create({ id: 'a', amount: -1 }))
  await expect(bad.shows(() => {})).rejects.toThrow(
    'account.deposited could not be applied: Nobody deposits less than nothing. Seed 1.',
  )
  const wrong = projectionSpec(balances).given()
  await expect(wrong.shows(() => Promise.reject(new Error('not that')))).rejects.toThrow('not that')
})

it('finds what a rebuild makes otherwise', async () => {
  let calls = 0
  const impure = defineProjection('impure', {
    version: 1,
    documents: { counts: documents<{ readonly calls: number }>() },
    on: (on) => [on(Deposited, ({ data }, { documents: { counts } }) => counts.put(data.id, { calls: ++calls }))],
  })
  await expect(
    projectionSpec(impure)
      .given(Deposited.create({ id: 'a', amount: 1 }))
      .shows(() => {}),
  ).rejects.toThrow('The generations differ: collection counts holds 1 in both generations, and they are not the same.')
})
