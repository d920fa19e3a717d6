import { createPrivateKey, createPublicKey, type KeyLike, KeyObject, sign, verify } from 'node:crypto'

import { TidingsError } from '../kernel/errors.ts'
import type { EventRecord } from './record.ts'

/** Signs checksums with an Ed25519 private key (PEM text, or a key object). */
export interface SealerOptions {
  /** Name of the key, told in every seal so that keys can be rotated: 1 to 64 letters, digits, `_` or `-`. */
  readonly keyId: string
  readonly privateKey: KeyLike
}

export interface SealVerifierOptions {
  /** Public keys by name. Keep a retired key here for as long as events that it sealed are read; take a compromised one out. */
  readonly keys: Readonly<Record<string, KeyLike>>
  /** Whether an event without a seal is refused. Default true: else whoever can write an event can leave the seal off. */
  readonly required?: boolean
}

/** Told apart from any other use of the same key. */
const purpose = 'tidings-seal-1\n'

const keyName = /^[A-Za-z0-9_-]{1,64}$/

/** Returns the function that seals: `keyId.signature` over a checksum. Takes about 30 µs a call. */
export function createSealer(options: SealerOptions): (checksum: string) => string {
  const { keyId } = options
  if (typeof keyId !== 'string' || !keyName.test(keyId))
    throw invalid('keyId', 'be 1 to 64 letters, digits, `_` or `-`')
  const key = keyOf('privateKey', 'private', options.privateKey)
  return (checksum) => `${keyId}.${sign(null, Buffer.from(purpose + checksum), key).toString('base64url')}`
}

/**
 * Returns the function that checks a record's seal and throws `TIDINGS_SEAL_INVALID` where it is missing, of an unknown key, or wrong.
 * A seal covers the checksum, so verify that as well (`verifyChecksum`).
 */
export function createSealVerifier(
  options: SealVerifierOptions,
): (record: Pick<EventRecord, 'id' | 'checksum' | 'seal'>) => void {
  const keys = new Map<string, KeyObject>()
  for (const [keyId, key] of Object.entries(options.keys)) {
    if (!keyName.test(keyId)) throw invalid('keys', 'be named by 1 to 64 letters, digits, `_` or `-`')
    keys.set(keyId, keyOf(`keys.${keyId}`, 'public', key))
  }
  const required = options.required ?? true
  return (record) => {
    if (record.seal === '') {
      if (required) throw refuse(record, 'carries no seal')
      return
    }
    const dot = record.seal.indexOf('.')
    const key = keys.get(record.seal.slice(0, Math.max(0, dot)))
    if (key === undefined) throw refuse(record, 'is sealed with a key that is not known here')
    const signature = Buffer.from(record.seal.slice(dot + 1), 'base64url')
    // An Ed25519 signature has 64 bytes, and base64url text that is spelt another way is another text.
    if (signature.byteLength !== 64 || signature.toString('base64url') !== record.seal.slice(dot + 1))
      throw refuse(record, 'carries a seal that is not well formed')
    if (!verify(null, Buffer.from(purpose + record.checksum), key, signature))
      throw refuse(record, 'carries a seal that does not match its checksum')
  }
}

function keyOf(field: string, type: 'private' | 'public', given: KeyLike): KeyObject {
  let key: KeyObject
  try {
    key = given instanceof KeyObject ? given : type === 'private' ? createPrivateKey(given) : createPublicKey(given)
  } catch {
    // What the parser says may quote the key.
    throw invalid(field, 'be a key that can be read, such as PEM text')
  }
  if (key.type !== type || key.asymmetricKeyType !== 'ed25519') throw invalid(field, `be a ${type} Ed25519 key`)
  return key
}

function invalid(field: string, rule: string): TidingsError {
  return new TidingsError('TIDINGS_INVALID_OPTION', `Expected \`${field}\` of the seal to ${rule}.`, {
    details: { field, rule },
  })
}

function refuse(record: Pick<EventRecord, 'id'>, rule: string): TidingsError {
  return new TidingsError('TIDINGS_SEAL_INVALID', `Event ${record.id.slice(0, 80)} ${rule}.`, {
    details: { id: record.id },
  })
}
