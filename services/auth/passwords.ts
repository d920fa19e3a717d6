import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

import { type Argon2Hash, formatPhc, parsePhc } from './domain/phc-string.ts'

const derive = promisify<'argon2id', Argon2Parameters, Buffer>(argon2)

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 }

/** A PHC string that only this password opens. Takes some 50 ms of another thread. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive('argon2id', { ...cost, message: password, nonce: salt, tagLength: 32 })
  return formatPhc({ ...cost, salt, hash })
}

/** Whether the password opens the hash. With no hash it takes as long and says no, so that nobody learns which accounts exist. */
export async function checkPassword(password: string, phc: string | undefined): Promise<boolean> {
  const known = phc === undefined ? undefined : parsePhc(phc)
  const { memory, passes, parallelism, salt, hash } = known ?? nobody
  const found = await derive('argon2id', {
    memory,
    passes,
    parallelism,
    message: password,
    nonce: salt,
    tagLength: hash.length,
  })
  return timingSafeEqual(found, hash) && known !== undefined
}

const nobody: Argon2Hash = { ...cost, salt: randomBytes(16), hash: randomBytes(32) }
