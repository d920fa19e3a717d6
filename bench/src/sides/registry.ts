import type { OpenSide, Side, SideHost } from '../harness/side.ts'

/** Loaded when asked for: what one side needs must not weigh on another. */
const kinds: Readonly<Record<string, () => Promise<{ readonly open: OpenSide }>>> = {
  'tidings-memory': () => import('./tidings-memory.ts'),
  'event-emitter': () => import('./event-emitter.ts'),
  'raw-map': () => import('./raw-map.ts'),
  'nest-cqrs': () => import('./nest-cqrs.ts'),
  'emmett-memory': () => import('./emmett-memory.ts'),
  'tidings-sqlite': () => import('./tidings-sqlite.ts'),
  'raw-sqlite': () => import('./raw-sqlite.ts'),
  'emmett-sqlite': () => import('./emmett-sqlite.ts'),
  'tidings-server': () => import('./tidings-server.ts'),
  'raw-redis': () => import('./raw-redis.ts'),
  bullmq: () => import('./bullmq.ts'),
  'raw-postgres': () => import('./raw-postgres.ts'),
  'pg-boss': () => import('./pg-boss.ts'),
  'graphile-worker': () => import('./graphile-worker.ts'),
  'emmett-postgres': () => import('./emmett-postgres.ts'),
  'tidings-direct': () => import('./tidings-direct.ts'),
  'raw-direct': () => import('./raw-direct.ts'),
  'tidings-outbox': () => import('./tidings-outbox.ts'),
  'raw-outbox': () => import('./raw-outbox.ts'),
  'idle-cpu': () => import('./idle-cpu.ts'),
  'tidings-rebuild': () => import('./tidings-rebuild.ts'),
  'raw-rebuild': () => import('./raw-rebuild.ts'),
  'raw-postgres-rebuild': () => import('./raw-postgres-rebuild.ts'),
  import: () => import('./import-time.ts'),
  idle: () => import('./idle-memory.ts'),
  fill: () => import('./fill-log.ts'),
  backlog: () => import('./backlog-memory.ts'),
}

export async function openSide(kind: string, host: SideHost): Promise<Side> {
  const load = kinds[kind]
  if (load === undefined) throw new Error(`No side is called ${kind}; there are ${Object.keys(kinds).join(', ')}.`)
  return (await load()).open(host)
}
