import { type EventBus, sql } from 'tidings'

import type { Service } from './service.ts'

/** Brings the tables of a service up to date, each step in a transaction of its own. Safe to call from several processes at once. */
export async function migrate(bus: EventBus, { name, migrations }: Service, now: () => number): Promise<void> {
  await bus.transaction(
    ({ tx }) =>
      tx.sql`create table if not exists service_migrations (service text not null, id text not null, applied_at bigint not null, primary key (service, id))`,
  )
  for (const { id, statements } of migrations) {
    await bus.transaction(async ({ tx }) => {
      // Whoever writes this row is the one who migrates; another process waits for it, or finds it.
      const [mine] =
        await tx.sql`insert into service_migrations (service, id, applied_at) values (${name}, ${id}, ${now()}) on conflict do nothing returning id`
      if (mine === undefined) return
      for (const statement of statements) await tx.sql`${sql`${statement}`}`
    })
  }
}
