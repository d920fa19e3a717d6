import type pg from 'pg'
import type { Row, Runtime, SqlValue } from 'tidings/spi'

import { destroy } from '../connect/connect.ts'

/** Types of PostgreSQL that have a likeness among `SqlValue`; everything else is given as PostgreSQL writes it. */
const oid = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, oid: 26, float4: 700, float8: 701 } as const

const parsers: Readonly<Record<number, (text: string) => SqlValue>> = {
  [oid.bool]: (text) => text === 't',
  [oid.bytea]: (text) => Buffer.from(text.slice(2), 'hex'),
  [oid.int8]: narrow,
  [oid.int2]: Number,
  [oid.int4]: Number,
  [oid.oid]: Number,
  [oid.float4]: Number,
  [oid.float8]: Number,
}

const asIs = (text: string): SqlValue => text

const types = { getTypeParser: (id: number) => parsers[id] ?? asIs }

/** A user's statement, its rows as values. Prepared anew each time, and one statement only: so PostgreSQL takes no second one behind it. */
export async function userRows(
  { runtime, timeout }: { readonly runtime: Runtime; readonly timeout: number },
  client: pg.ClientBase,
  text: string,
  values: unknown[],
): Promise<readonly Row[]> {
  const timer = runtime.setTimer(timeout, () => destroy(client))
  try {
    const { rows, fields } = await client.query({
      text,
      values,
      rowMode: 'array',
      queryMode: 'extended',
      types,
    } as unknown as pg.QueryArrayConfig)
    return (rows as unknown as readonly SqlValue[][]).map((row) =>
      Object.fromEntries(row.map((value, at) => [fields[at]?.name, value])),
    )
  } finally {
    timer.cancel()
  }
}

/** Whole numbers as numbers, unless they are larger than a number holds exactly. */
function narrow(text: string): SqlValue {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}
