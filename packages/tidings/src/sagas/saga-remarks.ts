import type { Log } from '../kernel/log.ts'
import type { Counter, Meter } from '../kernel/meter.ts'
import type { SagaDocument } from './saga-document.ts'
import type { Remark } from './saga-input.ts'

const ends: readonly Remark[] = ['done', 'compensated', 'stuck']
const ignored: readonly Remark[] = ['late', 'duplicate', 'unawaited', 'stale', 'refused', 'overfull']

/** Counts and tells what becomes of sagas. Keys are told, data never. */
export function sagaRemarks(saga: string, log: Log, meter: Meter): (remark: Remark, document: SagaDocument) => void {
  const started = meter.counter('tidings.sagas.started', { saga })
  const counters = new Map<Remark, Counter>([
    ['started', started],
    ...ends.map((outcome): [Remark, Counter] => [outcome, meter.counter('tidings.sagas.ended', { saga, outcome })]),
    ...ignored.map((why): [Remark, Counter] => [why, meter.counter('tidings.sagas.ignored', { saga, why })]),
  ])
  return (remark, document) => {
    counters.get(remark)?.add(1)
    const about = { saga, key: document.key, tenant: document.tenant, run: document.run }
    if (remark === 'stuck') {
      const [step] = Object.entries(document.steps).find(([, { is }]) => is === 'undo-failed') ?? []
      log('error', 'A saga is stuck: a compensation has failed for good, and waits for an operator', { ...about, step })
    } else if (remark === 'compensating')
      log('warn', 'A saga compensates', { ...about, why: document.reason?.what, step: document.reason?.step })
    else if (remark === 'overfull')
      log('warn', 'A saga remembers too many events already that came before their step; one is passed over', about)
  }
}
