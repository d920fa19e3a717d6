import { isIPv4 } from 'node:net'

import type { onRequestAsyncHookHandler } from 'fastify'

import { HttpProblem } from './problems.ts'

/** What proxies say of whom they ask for. Whoever asks from this machine itself sends none of it. */
const saidByProxies = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const

/**
 * A hook that lets in only who asks from this machine, and asks for it by a name of this machine: a page from elsewhere whose name was made
 * to lead here is refused as well, and so is what a proxy on this machine hands on, where it says so. One that puts a name of this machine into
 * `host` and says nothing of whom it asks for cannot be told from a caller here.
 */
export const loopbackOnly: onRequestAsyncHookHandler = async (request) => {
  const isHandedOn = saidByProxies.some((name) => request.headers[name] !== undefined)
  if (!isHandedOn && isLoopback(request.socket.remoteAddress ?? '') && isLoopback(request.hostname)) return
  throw new HttpProblem({
    status: 403,
    title: 'This is shown on its own machine only',
    detail: 'Ask for it at 127.0.0.1 or localhost, or give whoever runs it a rule for who may see it.',
  })
}

/** Whether an address or host name, with or without a port, names the machine it is used on. */
export function isLoopback(address: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(address) ?? []
  const host = (bracketed ?? plain ?? address).toLowerCase().replace(/^::ffff:/, '')
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
