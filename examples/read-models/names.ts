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

await bus.publish(UserRegistered, { userId: 'u-1', username: 'ada' })
const rows = await usernames.of(bus).query(sql`select username from usernames`)
console.log(`taken: ${rows.map(({ username }) => String(username)).join(', ')}`)

try {
  await bus.publish(UserRegistered, { userId: 'u-2', username: 'ada' })
} catch (error) {
  if (!isTidingsError(error, 'TIDINGS_UNIT_REFUSED')) throw error
  console.log('ada is taken; nothing was published')
}

await bus.close()
// #endregion use
