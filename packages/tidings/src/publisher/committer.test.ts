import { describe, expect, it } from 'vitest'

import { virtualRuntime } from '../kernel/virtual-runtime.ts'
import { memoryStore } from '../store/memory/memory-store.ts'
import type { CommitResult, Store, Unit } from '../store/store.ts'
import { Committer } from './committer.ts'

const unit = (id: string): Unit => ({ documents: [{ collection: 'things', id, put: '1' }] })

function told(): { readonly log: (level: string, message: string) => void; readonly messages: string[] } {
  const messages: string[] = []
  return { log: (_level, message) => void messages.push(message), messages }
}

describe('the committer', () => {
  it('goes on after a store that throws where it should reject', async () => {
    const memory = memoryStore()
    let throws = true
    const store: Store = {
      ...memory,
      commit(units) {
        if (throws) throw new Error('not even a promise')
        return memory.commit(units)
      },
    }
    const committer = new Committer(store, virtualRuntime())
    await expect(committer.commit(unit('a'))).rejects.toThrow('not even a promise')
    throws = false
    expect(await committer.commit(unit('b'))).toMatchObject({ status: 'committed' })
    expect(committer.busy).toBe(false)
  })

  it.each([true, false])('tells everybody where one of them throws while being told: answered %s', async (answers) => {
    const memory = memoryStore()
    const { log, messages } = told()
    const store: Store = answers ? memory : { ...memory, commit: () => Promise.reject(new Error('away')) }
    const committer = new Committer(store, virtualRuntime(), { log })
    committer.submit({
      unit: unit('a'),
      rank: 2,
      settled() {
        throw new Error('a bug')
      },
    })
    const second = committer.commit(unit('b')).catch((error: unknown) => error)
    expect(await second).toMatchObject(answers ? { status: 'committed' } : { message: 'away' })
    await committer.idle()
    expect({ busy: committer.busy, messages }).toEqual({
      busy: false,
      messages: ['Whoever waited for a commit has thrown at its answer'],
    })
  })

  it('says that it does not know what became of a unit which the store has not answered', async () => {
    const memory = memoryStore()
    const store: Store = { ...memory, commit: async (units) => (await memory.commit(units)).slice(0, 1) }
    const committer = new Committer(store, virtualRuntime())
    const both = [committer.commit(unit('a')), committer.commit(unit('b'))]
    expect(await Promise.allSettled(both)).toMatchObject([
      { value: { status: 'committed' } },
      { reason: { code: 'TIDINGS_COMMIT_UNKNOWN' } },
    ])
  })

  it('limits publishers, not what handlers have to commit', async () => {
    const committer = new Committer(memoryStore(), virtualRuntime(), { maxWaiting: 2 })
    const outcomes: Promise<CommitResult>[] = []
    for (let at = 0; at < 3; at++) outcomes.push(committer.commit(unit(`p-${at}`), 2, 'limited'))
    for (let at = 0; at < 3; at++) outcomes.push(committer.commit(unit(`h-${at}`)))
    const settled = await Promise.allSettled(outcomes)
    expect(
      settled.map((one) => (one.status === 'rejected' ? (one.reason as { code: string }).code : 'committed')),
    ).toEqual(['committed', 'committed', 'TIDINGS_OVERLOADED', 'committed', 'committed', 'committed'])
  })
})
