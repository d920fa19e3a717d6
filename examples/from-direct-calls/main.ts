import { setTimeout } from 'node:timers/promises'

import { createEventBus, defineEvent, operationsOf, sql } from 'tidings'
import { z } from 'zod'

interface User {
  readonly userId: string
  readonly email: string
}
const mails = {
  welcome({ userId }: User): void {
    console.log(`welcome mail for ${userId}`)
  },
}

const bus = await createEventBus({ url: 'sqlite:./users.db', source: '/users' })
await bus.transaction(async ({ tx }) => {
  await tx.sql`create table users (id text primary key, email text)`
  await tx.sql`create table would_have_mailed (user_id text primary key)`
})

// #region define
const UserRegistered = defineEvent('user.registered', {
  schema: z.object({ userId: z.string(), email: z.string() }),
  key: (user) => user.userId,
  sensitive: { subject: (user) => user.userId, fields: { email: 'erased@example.invalid' } },
})
// #endregion define

// #region flag
/** `calls`: as ever. `shadow`: events flow, calls still do the work. `events`: the handler does the work. */
type Phase = 'calls' | 'shadow' | 'events'
let phase: Phase = 'calls'
// #endregion flag

// #region operation
async function register(user: User): Promise<void> {
  // One look at the flag: an operation that has begun in one phase ends in it.
  const workedBy = phase
  await bus.transaction(async ({ tx, publish }) => {
    await tx.sql`insert into users values (${user.userId}, ${user.email})`
    if (workedBy !== 'calls') await publish(UserRegistered, user, { business: { workedBy } })
  })
  if (workedBy !== 'events') mails.welcome(user)
}
// #endregion operation

// #region handler
bus.subscribe(UserRegistered, { name: 'welcome-mails' }, async ({ data, context }, { effect, write }) => {
  if (context.business?.workedBy === 'shadow') {
    write(sql`insert into would_have_mailed values (${data.userId})`)
    return
  }
  await effect('welcome mail', () => mails.welcome(data))
})
// #endregion handler
await bus.start()

await register({ userId: 'u-1', email: 'ada@example.com' })
phase = 'shadow'
await register({ userId: 'u-2', email: 'bo@example.com' })
phase = 'events'
await register({ userId: 'u-3', email: 'cy@example.com' })

const quiet = async (): Promise<boolean> =>
  (await operationsOf(bus).subscriptions()).every(({ waiting }) => waiting.events === 0)
while (!(await quiet())) await setTimeout(20)
await bus.transaction(async ({ tx }) => {
  for (const row of await tx.sql`select * from would_have_mailed`)
    console.log(`the handler would have mailed ${String(row.user_id)}`)
})
await bus.close()
