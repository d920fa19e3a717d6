import type { ServiceWorld } from '@tidings/service'
import { UserMailRefused, UserMailSent } from '@tidings-services/notifications/contract'
import { defineSaga, type ReactionContext, type SagaDefinition, sql } from 'tidings'

import type { AuthOptions } from '../auth-options.ts'
import {
  ErasureRequested,
  UserDeleted,
  UserDeletionRequested,
  UserDeletionStuck,
  UserErased,
} from '../contract/user-deletion.ts'
import { UserMailRequested } from '../contract/user-mail-requested.ts'
import { type Deletion, deletionOf, missingOf, nextAsk } from '../domain/deletion.ts'
import { eraseAccount } from '../erase-account.ts'
import { accountOf } from '../tokens.ts'

type Saga = ReactionContext<{ readonly deletionId: string; readonly userId: string }>

/**
 * Forgets a user in every service; one saga a deletion. First the mail of farewell, while there is an address; then every service is asked to erase its part,
 * those that do not answer again and again; auth comes last, for it knows whom all of it is about.
 *
 * Nothing of it can be taken back, so it never compensates and never gives up: a service that stays silent makes it stuck, which is said once as an event of
 * the highest priority and as an error in the log, and it goes on by itself as soon as the service answers.
 */
export function userDeletionSaga(
  { store, log, now }: Pick<ServiceWorld, 'store' | 'log' | 'now'>,
  options: Pick<AuthOptions, 'dataServices' | 'farewell' | 'eraseAgain' | 'eraseStuckAfter'>,
): SagaDefinition {
  return defineSaga('user-deletion', {
    description: 'Forgets a user in every service',
    startsWith: UserDeletionRequested,
    correlate: ({ type, data }) =>
      isMail(type) ? (data.kind === 'farewell' ? data.flowId : undefined) : data.deletionId,
    timeout: 'never',
    state: () => deletionOf(options.dataServices),
    reacts: (on) => [
      on(UserDeletionRequested, async (state: Deletion, { data: { deletionId, userId } }, saga) => {
        if (state.stage !== 'begun') return state
        await saga.publish(UserMailRequested, { userId, flowId: deletionId, kind: 'farewell' })
        saga.after('farewell', options.farewell)
        return { ...state, stage: 'farewell' }
      }),
      on([UserMailSent, UserMailRefused], async (state: Deletion, { type }, saga) => {
        if (state.stage !== 'farewell') return state
        saga.stop('farewell')
        return erase(state, saga, type === UserMailSent.type ? 'sent' : 'refused')
      }),
      on(UserErased, async (state: Deletion, { data: { service, rows } }, saga) => {
        if (state.stage !== 'erasing' || !missingOf(state).includes(service)) return state
        saga.write(sql`
          insert into auth_erasures (deletion_id, service, erased_rows, erased_at)
          values (${saga.key}, ${service}, ${JSON.stringify(rows)}, ${now()}) on conflict do nothing`)
        const next = { ...state, erased: [...state.erased, service] }
        return missingOf(next).length > 0 ? next : eraseOwn(next, saga)
      }),
    ],
    timers: {
      farewell: async (state: Deletion, saga: Saga) =>
        state.stage === 'farewell' ? erase(state, saga, 'not in time') : state,
      again: async (state: Deletion, saga: Saga) => (state.stage === 'erasing' ? ask(state, saga) : state),
    },
    signals: {
      /** For operators: do not wait for the next time. */
      again: async (state: Deletion, _data, saga: Saga) => (state.stage === 'erasing' ? ask(state, saga) : state),
    },
  })

  async function erase(state: Deletion, saga: Saga, farewell: string): Promise<Deletion> {
    saga.write(sql`
      update auth_deletions set status = 'erasing', farewell = ${farewell} where deletion_id = ${saga.key}`)
    const next: Deletion = { ...state, stage: 'erasing' }
    return missingOf(next).length > 0 ? ask(next, saga) : eraseOwn(next, saga)
  }

  async function ask(state: Deletion, saga: Saga): Promise<Deletion> {
    const { deletionId, userId } = saga.data
    const [row] = await store.query(sql`select email from auth_users where user_id = ${userId}`)
    const services = [...missingOf(state)]
    const asked = state.asked + 1
    await saga.publish(ErasureRequested, { deletionId, userId, services, account: accountOf(String(row?.email)) })
    const isStuck = asked > options.eraseStuckAfter
    if (isStuck && !state.stuck) {
      await saga.publish(UserDeletionStuck, { deletionId, userId, missing: services, asked: state.asked })
      log('error', 'A deletion is stuck: services do not say that they have erased their part', {
        deletionId,
        services,
        asked: state.asked,
      })
    }
    saga.write(sql`
      update auth_deletions set asked = ${asked}, status = ${isStuck ? 'stuck' : 'erasing'} where deletion_id = ${deletionId}`)
    saga.after('again', nextAsk(options.eraseAgain, asked))
    return { ...state, asked, stuck: isStuck }
  }

  async function eraseOwn(state: Deletion, saga: Saga): Promise<Deletion> {
    const { deletionId, userId } = saga.data
    saga.stop('again')
    const rows = await eraseAccount(store, saga.write, userId)
    saga.write(sql`
      insert into auth_erasures (deletion_id, service, erased_rows, erased_at)
      values (${deletionId}, 'auth', ${JSON.stringify(rows)}, ${now()}) on conflict do nothing`)
    saga.write(sql`
      update auth_deletions set status = 'completed', ended_at = ${now()} where deletion_id = ${deletionId}`)
    await saga.publish(UserErased, { deletionId, userId, service: 'auth', rows })
    await saga.publish(UserDeleted, { deletionId, userId })
    saga.done()
    return { ...state, stage: 'done' }
  }
}

function isMail(type: string): boolean {
  return type === UserMailSent.type || type === UserMailRefused.type
}
