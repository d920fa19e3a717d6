import { Mistakes } from 'tidings/spi'

import type { NatsOptions } from './nats-options.ts'

const numbers = new Set([
  'partitions',
  'replicas',
  'duplicateWindow',
  'lease',
  'timeout',
  'prefetch',
  'prefetchBytes',
  'pingInterval',
])
const texts = new Set(['prefix', 'storage', 'name', 'domain'])
const keeps = new Map([
  ['keepAge', 'age'],
  ['keepBytes', 'bytes'],
  ['keepEvents', 'events'],
])

/** What a URL says, unchecked, and what is wrong with the URL itself. Passwords in it appear in no mistake. */
export function optionsFromUrl(url: string): { options: NatsOptions; mistakes: Mistakes } {
  const mistakes = new Mistakes()
  // Several hosts are no URL to the platform's parser.
  const match = /^(nats|tls):\/\/(?:([^@/?#]*)@)?([^@/?#]*)\/?(?:\?([^#]*))?$/.exec(String(url))
  mistakes.expect(match !== null, '`url` to be nats://host:port,host:port/?option=value')
  const [, scheme, user, hosts = '', query = ''] = match ?? []
  const options: Record<string, unknown> = {
    servers:
      match === null
        ? ['127.0.0.1:4222']
        : hosts.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:4222`)),
  }
  if (scheme === 'tls') options.tls = {}
  if (user !== undefined) {
    const [name = '', password] = user.split(/:(.*)/s)
    if (password === undefined) options.token = decoded('token', name, mistakes)
    else {
      options.user = decoded('user', name, mistakes)
      options.password = decoded('password', password, mistakes)
    }
  }
  const keep: Record<string, number> = {}
  for (const [name, value] of new URLSearchParams(query)) {
    const kept = keeps.get(name)
    if (texts.has(name)) options[name] = value
    else if (numbers.has(name)) options[name] = numberIn(value)
    else if (kept !== undefined) keep[kept] = numberIn(value)
    else mistakes.expect(false, `\`${name.slice(0, 80)}\` not to be in the URL: there is no such option`)
  }
  if (Object.keys(keep).length > 0) options.keep = keep
  return { options: options as unknown as NatsOptions, mistakes }
}

function numberIn(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function decoded(field: string, text: string, mistakes: Mistakes): string {
  try {
    return decodeURIComponent(text)
  } catch {
    mistakes.expect(false, `the ${field} of the URL to have no percent sign that encodes nothing; write it as %25`)
    return ''
  }
}
