import type { TransactionContext } from 'tidings'

/** So many resets are taken for one address within one window, whether an account has it or not. */
const most = 3
/** In milliseconds. */
const lasts = 3_600_000

/**
 * Counts one more reset for this account. Answers how many milliseconds it has to wait; 0: it may go on. Counted by one statement, so no flood slips past.
 * Windows that are over are dropped, whoever's they were: anybody may ask for addresses that nobody ever asks for again.
 */
export async function countReset(tx: TransactionContext['tx'], account: string, now: number): Promise<number> {
  await tx.sql`delete from auth_reset_limits where began_at <= ${now - lasts}`
  const [row] = await tx.sql`
    insert into auth_reset_limits (account, began_at, asked) values (${account}, ${now}, 1)
    on conflict (account) do update set
      asked = case when auth_reset_limits.began_at <= ${now - lasts} then 1 else auth_reset_limits.asked + 1 end,
      began_at = case when auth_reset_limits.began_at <= ${now - lasts} then ${now} else auth_reset_limits.began_at end
    returning began_at, asked`
  const { began_at: began, asked } = row as { readonly began_at: unknown; readonly asked: unknown }
  return Number(asked) <= most ? 0 : Math.max(1, Number(began) + lasts - now)
}
