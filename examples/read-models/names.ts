// #region names
import { createEventBus, defineEvent, defineProjection, isTidingsError, sql } from 'tidings'

const UserRegistered = defineEvent<{ userId: string; username: string }>('user.registered', {
  key: ({ userId }) => userId,
})

const usernames = defineProjection('usernames', {
  version: 1,
  mode: 'same-commit',
  tables: { usernames: sql`(username text primary key, user_id text not null)` },
  on: (on) => [
    on(UserRegistered, ({ data }, { write, tables }) =>
      write(sql`insert into ${tables.usernames} values (${data.username}, ${data.userId})`),
    ),
  ],
})
// #endregion names

// #region use
const bus = await createEventBus({ url: 'sqlite:./users.db', source: '/users' })
bus.use(usernames)
await bus.start()

async function register(userId: string, username: string): Promise<void> {
  try {
    await bus.publish(UserRegistered, { userId, username })
    console.log(`${username} is ${userId}`)
  } catch (error) {
    if (!isTidingsError(error, 'TIDINGS_UNIT_REFUSED') || error.details.violates !== 'unique') throw error
    console.log(`${username} is taken; nothing was published`)
  }
}
await register('u-1', 'ada')
await register('u-2', 'ada')
const rows = await usernames.of(bus).query(sql`select username from usernames`)
console.log(`taken: ${rows.map(({ username }) => String(username)).join(', ')}`)

await bus.close()
// #endregion use
