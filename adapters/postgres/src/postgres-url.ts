import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

import type { PostgresOptions } from './postgres-options.ts'

/** What `tls.connect` takes. */
export type PostgresTls = ConnectionOptions

export interface NamedByUrl {
  readonly options: PostgresOptions
  /** Command-line options of the session. */
  readonly session: string | undefined
}

const numbers = new Set(['partitions', 'pool', 'poll', 'connectTimeout', 'timeout'])
const texts = new Set(['schema', 'table', 'applicationName'])
const modes = new Set(['disable', 'no-verify', 'require', 'verify-ca', 'verify-full'])

/** Takes a URL apart. What is wrong with it goes to `mistakes`, in words that repeat none of its values: one of them is a password. */
export function readUrl(url: string, mistakes: string[]): NamedByUrl | undefined {
  const parsed = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    mistakes.push(
      'Expected `url` to be of the form postgres://user:password@host:port/database, with special characters of the password percent-encoded.',
    )
    return undefined
  }
  const decode = (what: string, text: string): string | undefined => {
    if (text === '') return undefined
    try {
      return decodeURIComponent(text)
    } catch {
      mistakes.push(`The ${what} in \`url\` has a percent sign that encodes nothing; write it as %25.`)
      return undefined
    }
  }
  const options: Record<string, unknown> = {
    host: decode('host', parsed.hostname.replace(/^\[(.*)\]$/, '$1')),
    port: parsed.port === '' ? undefined : Number(parsed.port),
    database: decode('database', parsed.pathname.slice(1)),
    user: decode('user', parsed.username),
    password: decode('password', parsed.password),
  }
  const session = readParameters(parsed.searchParams, options, mistakes)
  return { options, session }
}

function readParameters(
  parameters: URLSearchParams,
  options: Record<string, unknown>,
  mistakes: string[],
): string | undefined {
  let session: string | undefined
  let mode: string | undefined
  const files: Record<string, string> = {}
  for (const [name, value] of parameters) {
    if (numbers.has(name)) options[name] = value.trim() === '' ? Number.NaN : Number(value)
    else if (texts.has(name)) options[name] = value
    else if (name === 'application_name') options['applicationName'] = value
    else if (name === 'host') options['host'] = value
    else if (name === 'options') session = value
    else if (name === 'sslmode') mode = value
    else if (name === 'sslrootcert' || name === 'sslcert' || name === 'sslkey') files[name] = value
    else mistakes.push(`The URL names an option that does not exist${printable(name)}.`)
  }
  if (mode !== undefined && !modes.has(mode)) {
    mistakes.push(`Expected \`sslmode\` to be one of ${[...modes].join(', ')}.`)
  } else if (mode === 'disable') options['ssl'] = false
  else if (mode !== undefined || Object.keys(files).length > 0) options['ssl'] = tlsOf(mode, files, mistakes)
  return session
}

/** Behind an unencoded question mark in a password, the rest of it looks like a name. */
function printable(name: string): string {
  return /^[A-Za-z_]{1,40}$/.test(name) ? `, \`${name}\`` : ''
}

/** Certificates are checked in every mode but `no-verify`; `require` and `verify-ca` are as strict as `verify-full`. */
function tlsOf(mode: string | undefined, files: Readonly<Record<string, string>>, mistakes: string[]): PostgresTls {
  const read = (name: string): Buffer | undefined => {
    const path = files[name]
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch {
      mistakes.push(`The file that \`${name}\` names cannot be read.`)
      return undefined
    }
  }
  const [ca, cert, key] = [read('sslrootcert'), read('sslcert'), read('sslkey')]
  return {
    ...(mode === 'no-verify' && { rejectUnauthorized: false }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

export function isTlsOptions(value: unknown): value is PostgresTls {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
