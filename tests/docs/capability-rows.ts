import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { sqlite } from '@tidings/sqlite'
import { type Host, logTransport, memoryStore, realRuntime, type Store, silentLog, silentMeter } from 'tidings/spi'

const host: Host = { runtime: realRuntime(), log: silentLog, meter: silentMeter }

/** What each store declares of itself, and the log transport over it: asked of instances, not written by hand. */
export async function capabilityRows(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-docs-'))
  const stores: readonly (readonly [string, Store])[] = [
    ['`memory:`', memoryStore()],
    ['`sqlite:./file.db`', await sqlite(join(folder, 'file.db')).open(host)],
    ['`sqlite::memory:`', await sqlite(':memory:').open(host)],
  ]
  try {
    return [storeTable(stores), await transportTable(stores)].join('\n\n')
  } finally {
    for (const [, store] of stores) await store.close()
    rmSync(folder, { recursive: true })
  }
}

function storeTable(stores: readonly (readonly [string, Store])[]): string {
  const rows = stores.map(([url, { capabilities }]) => {
    const { name, durability, sharing, sql, partitions } = capabilities
    return `| ${url} | ${name} | ${durability} | ${sharing} | ${sql} | ${partitions} |`
  })
  return [
    '| store | name | durability | sharing | SQL | partitions by default |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

async function transportTable(stores: readonly (readonly [string, Store])[]): Promise<string> {
  const rows: string[] = []
  for (const [url, store] of stores) {
    const transport = logTransport(store, host)
    const { kind, durability, groups, ordering, redelivery, replay } = transport.capabilities
    rows.push(
      `| the log of ${url} | ${kind} | ${durability} | ${yes(groups)} | ${ordering} | ${yes(redelivery)} | ${yes(replay)} |`,
    )
    await transport.close()
  }
  return [
    '| transport | kind | durability | groups | ordering | redelivery | replay |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function yes(has: boolean): string {
  return has ? 'yes' : 'no'
}
