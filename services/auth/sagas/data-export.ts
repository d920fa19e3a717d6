import type { ServiceWorld } from '@tidings/service'
import { SealingKeyRequested, SealingKeyTold, sealedFor, sealText } from '@tidings-services/notifications/contract'
import { defineSaga, type ReactionContext, type SagaDefinition, sql } from 'tidings'

import type { AuthOptions } from '../auth-options.ts'
import {
  DataExportCompleted,
  DataExportExpired,
  DataExportRequested,
  DataPartsRequested,
  UserDataCollected,
} from '../contract/data-export.ts'
import { UserMailRequested } from '../contract/user-mail-requested.ts'
import { type Export, exportOf, missingParts, withPart } from '../domain/export.ts'
import { ownData } from '../own-data.ts'
import { hashToken, makeToken } from '../tokens.ts'

type Saga = ReactionContext<{ readonly exportId: string; readonly userId: string }>

/**
 * Gathers all that is held of somebody; one saga an export. Every service is asked for its part, those that do not answer again; what has come within the time
 * allowed is handed out, and says itself what is missing. The link goes by mail, sealed; when its time is over, what was gathered is erased.
 */
export function dataExportSaga(
  { bus, store, now }: Pick<ServiceWorld, 'bus' | 'store' | 'now'>,
  options: Pick<AuthOptions, 'dataServices' | 'publicUrl' | 'exportAgain' | 'exportWithin' | 'exportLink'>,
): SagaDefinition {
  return defineSaga('data-export', {
    description: 'Gathers all that is held of somebody, and hands it out',
    startsWith: DataExportRequested,
    correlate: ({ type, data }) => (type === SealingKeyTold.type ? data.flowId : data.exportId),
    timeout: 'never',
    state: () => exportOf(options.dataServices),
    reacts: (on) => [
      on(DataExportRequested, async (state: Export, { data: { exportId, userId } }, saga) => {
        for (const [part, data] of (await ownData({ store, bus }, userId)).entries())
          keep(saga, { service: 'auth', part, parts: 0, data })
        saga.after('give up', options.exportWithin)
        await ask(state, saga, { exportId, userId })
        return missingParts(state).length === 0 ? seal(state, saga) : state
      }),
      on(UserDataCollected, async (state: Export, { data }, saga) => {
        const next = state.stage === 'gathering' ? withPart(state, data) : state
        if (next === state) return state
        keep(saga, data)
        return missingParts(next).length === 0 ? seal(next, saga) : next
      }),
      on(SealingKeyTold, async (state: Export, { data: key }, saga) => {
        if (state.stage !== 'sealing') return state
        const { exportId, userId } = saga.data
        const missing = [...missingParts(state)]
        const token = makeToken()
        saga.write(sql`
          update auth_exports set status = 'ready', missing = ${JSON.stringify(missing)}, link_hash = ${hashToken(token)},
            ready_at = ${now()}, ends_at = ${now() + options.exportLink}
          where export_id = ${exportId}`)
        const kind = missing.length === 0 ? 'export-ready' : 'export-partial'
        const mail = { userId, flowId: exportId, kind } as const
        const link = `${options.publicUrl}/auth/exports/${token}`
        await saga.publish(UserMailRequested, { ...mail, sealed: sealText(link, key, sealedFor(mail)) })
        await saga.publish(DataExportCompleted, { exportId, userId, missing })
        saga.after('over', options.exportLink)
        return { ...state, stage: 'ready' }
      }),
    ],
    timers: {
      again: async (state: Export, saga: Saga) => {
        if (state.stage === 'gathering') await ask(state, saga, saga.data)
        else if (state.stage === 'sealing') await askKey(saga)
      },
      'give up': async (state: Export, saga: Saga) => (state.stage === 'gathering' ? seal(state, saga) : state),
      over: async (state: Export, saga: Saga) => {
        saga.write(sql`delete from auth_export_parts where export_id = ${saga.key}`)
        saga.write(sql`update auth_exports set status = 'expired' where export_id = ${saga.key}`)
        await saga.publish(DataExportExpired, saga.data)
        saga.done()
        return { ...state, stage: 'over' }
      },
    },
  })

  /** Keeps a part, unless whom it is about has been forgotten meanwhile. */
  function keep(saga: Saga, part: { service: string; part: number; parts: number; data: string }): void {
    saga.write(sql`
      insert into auth_export_parts (export_id, service, part, parts, data)
      select export_id, ${part.service}, ${part.part}, ${part.parts}, ${part.data} from auth_exports where export_id = ${saga.key}
      on conflict do nothing`)
  }

  async function ask(state: Export, saga: Saga, about: Saga['data']): Promise<void> {
    const services = [...missingParts(state)]
    if (services.length > 0) await saga.publish(DataPartsRequested, { ...about, services })
    saga.after('again', options.exportAgain)
  }

  /** All is there, or no more is waited for; what is left is the link, which only the service that sends mails may read. */
  async function seal(state: Export, saga: Saga): Promise<Export> {
    saga.stop('give up')
    await askKey(saga)
    return { ...state, stage: 'sealing' }
  }

  async function askKey(saga: Saga): Promise<void> {
    await saga.publish(SealingKeyRequested, { flowId: saga.key })
    saga.after('again', options.exportAgain)
  }
}
