import pg from 'pg'
import type { Runtime } from 'tidings/spi'

import { openError } from '../open-error.ts'
import type { PostgresSettings } from '../postgres-options.ts'

/** What a connection is for: reading alone, anything, units with SQL of users, or our own commits alone. */
export type Purpose = 'read' | 'write' | 'units' | 'commit'

/**
 * Milliseconds after which the server ends a unit's transaction in which nothing is asked: its process has stopped or vanished in the middle, and
 * what it has locked, perhaps the log, others wait for.
 */
const abandoned = 5_000

/**
 * Milliseconds that a unit waits for what somebody has locked. One commit of a process follows the other, so all others wait with it. The server looks
 * for deadlocks after one second, and must have had the time.
 */
const patience = 2_000

/** A connection whose broken ends nobody has to listen for: what is lost shows in the calls that were under way. */
export async function connect(settings: PostgresSettings, runtime: Runtime, purpose: Purpose): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(settings))
  client.on('error', () => {})
  try {
    await client.connect()
    await beginSession(settings, runtime, client, purpose)
    return client
  } catch (error) {
    destroy(client)
    throw openError(error, settings)
  }
}

/** Sets what a new session needs. `pg` itself waits for a server that accepts connections and then falls silent. */
export async function beginSession(
  settings: PostgresSettings,
  runtime: Runtime,
  client: pg.ClientBase,
  purpose: Purpose,
): Promise<void> {
  const timer = runtime.setTimer(settings.connectTimeout, () => destroy(client))
  try {
    await client.query(sessionText(settings, purpose))
  } finally {
    timer.cancel()
  }
}

export function clientConfig(settings: PostgresSettings): pg.ClientConfig {
  const { server, applicationName, connectTimeout } = settings
  const { host, port, database, user, password, ssl, options } = server
  return {
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(ssl !== undefined && { ssl }),
    ...(options !== undefined && { options }),
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    pipeline: true,
  }
}

/** What a session needs that the server, the database or the role may have set otherwise. */
function sessionText(settings: PostgresSettings, purpose: Purpose): string {
  const values: Readonly<Record<string, string>> = {
    default_transaction_isolation: "'read committed'",
    default_transaction_read_only: purpose === 'read' ? 'on' : 'off',
    // What the client has given up need not be finished.
    statement_timeout: String(settings.timeout),
    idle_in_transaction_session_timeout: String(
      purpose === 'units' ? Math.min(abandoned, settings.timeout) : settings.timeout,
    ),
    bytea_output: "'hex'",
    datestyle: "'ISO'",
    client_min_messages: 'warning',
    ...(purpose === 'units' && { lock_timeout: String(patience) }),
    // How many rows a call brings changes nothing about how they are best looked up.
    ...(purpose === 'commit' && { plan_cache_mode: 'force_generic_plan', jit: 'off' }),
  }
  return Object.entries(values)
    .map(([name, value]) => `set ${name} = ${value}`)
    .join('; ')
}

/** The server's process behind a connection. */
export function backendOf(client: pg.ClientBase): number | undefined {
  return (client as unknown as { readonly processID?: number | null }).processID ?? undefined
}

/** Ends a connection at once, without a word to the server. */
export function destroy(client: pg.ClientBase): void {
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }
  connection?.stream?.destroy()
}
