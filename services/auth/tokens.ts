import { hash, randomBytes } from 'node:crypto'

import { HttpProblem } from '@tidings/http'

/** A secret that opens a session. Only its hash is kept. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url')
}

export function hashToken(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Which account an address would be, without telling the address. */
export function accountOf(email: string): string {
  return hash('sha256', `account\n${email}`, 'base64url')
}

/** The token of a request's `authorization` header. Throws a 401 where there is none. */
export function bearerOf(header: string | undefined): string {
  const [, token] = /^Bearer ([A-Za-z0-9_-]{43})$/i.exec(header ?? '') ?? []
  if (token === undefined) throw notLoggedIn()
  return token
}

export function notLoggedIn(): HttpProblem {
  return new HttpProblem({
    status: 401,
    title: 'Please log in',
    detail: 'Send the token of a login as `authorization: Bearer …`.',
    headers: { 'www-authenticate': 'Bearer' },
  })
}
