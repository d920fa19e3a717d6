import { type SagaContext, type SqlStore, sql } from 'tidings'

import { accountOf } from './tokens.ts'

/** Erases all that auth holds of somebody in one unit. Answers how many rows of each table go. */
export async function eraseAccount(
  store: SqlStore,
  write: SagaContext['write'],
  userId: string,
): Promise<Record<string, number>> {
  const [user] = await store.query(sql`select email from auth_users where user_id = ${userId}`)
  const account = user === undefined ? '' : accountOf(user.email as string)
  const rows: Record<string, number> = {}
  const take = async (table: string, where: ReturnType<typeof sql>): Promise<void> => {
    const [row] = await store.query(sql`select count(*) as found from ${sql.identifier(table)} where ${where}`)
    rows[table] = Number(row?.found)
    write(sql`delete from ${sql.identifier(table)} where ${where}`)
  }
  await take('auth_export_parts', sql`export_id in (select export_id from auth_exports where user_id = ${userId})`)
  await take('auth_exports', sql`user_id = ${userId}`)
  await take('auth_password_resets', sql`user_id = ${userId}`)
  await take('auth_reset_limits', sql`account = ${account}`)
  await take('auth_login_failures', sql`account = ${account}`)
  await take('auth_sessions', sql`user_id = ${userId}`)
  await take('auth_registrations', sql`user_id = ${userId}`)
  await take('auth_users', sql`user_id = ${userId}`)
  return rows
}
