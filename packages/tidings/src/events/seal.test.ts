import { generateKeyPairSync } from 'node:crypto'

import { expect, test } from 'vitest'

import { buildEvent } from './event.ts'
import { plainRecord, recordOf, verifyChecksum } from './record-codec.ts'
import { createSealer, createSealVerifier } from './seal.ts'

const old = generateKeyPairSync('ed25519')
const current = generateKeyPairSync('ed25519')
const pem = {
  private: current.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  public: current.publicKey.export({ type: 'spki', format: 'pem' }),
}

function sealed(seal?: (checksum: string) => string) {
  const event = buildEvent({
    id: 'e-1',
    source: '/s',
    type: 'a.b',
    version: '1.0.0',
    category: 'a',
    key: 'k',
    timestamp: 0,
    priority: 'normal',
    context: {},
    data: null,
  })
  return plainRecord(recordOf(event, seal === undefined ? {} : { seal }))
}

const seal = createSealer({ keyId: '2026-b', privateKey: pem.private })
const verify = createSealVerifier({ keys: { '2026-a': old.publicKey, '2026-b': pem.public } })

test('a sealed record verifies, by any key that is known, given as text or as an object', () => {
  expect(() => verify(sealed(seal))).not.toThrow()
  expect(() => verify(sealed(createSealer({ keyId: '2026-a', privateKey: old.privateKey })))).not.toThrow()
  expect(sealed(seal).seal).toMatch(/^2026-b\.[A-Za-z0-9_-]{86}$/)
})

test('a seal of the same record is always the same', () => {
  expect(sealed(seal).seal).toBe(sealed(seal).seal)
})

test('without a seal a record is refused, unless seals are optional', () => {
  expect(() => verify(sealed())).toThrow(
    expect.objectContaining({ code: 'TIDINGS_SEAL_INVALID', message: expect.stringContaining('no seal') }),
  )
  const lenient = createSealVerifier({ keys: { '2026-b': pem.public }, required: false })
  expect(() => lenient(sealed())).not.toThrow()
  expect(() => lenient({ ...sealed(seal), checksum: 'x' })).toThrow(
    expect.objectContaining({ code: 'TIDINGS_SEAL_INVALID' }),
  )
})

test('a changed checksum, a changed seal, another key under the name and an unknown key are refused', () => {
  const record = sealed(seal)
  const [name, signature = ''] = record.seal.split('.')
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const wrong = [
    { ...record, checksum: `${record.checksum.slice(0, -1)}x` },
    { ...record, seal: `${name}.${flipped}` },
    { ...record, seal: `2026-a.${signature}` },
    { ...record, seal: `2027-c.${signature}` },
    { ...record, seal: `${name}.${signature}A` },
    { ...record, seal: `${name}.${signature}=` },
    { ...record, seal: `${name}.` },
    { ...record, seal: signature },
    { ...record, seal: '.' },
  ]
  for (const one of wrong)
    expect(() => verify(one), one.seal).toThrow(expect.objectContaining({ code: 'TIDINGS_SEAL_INVALID' }))
})

test('whoever changes an event must also change its checksum, which the seal then refuses', () => {
  const record = sealed(seal)
  const { event: _event, ...forged } = { ...record, data: '{"forged":true}' }
  expect(() => verifyChecksum(forged)).toThrow(expect.objectContaining({ code: 'TIDINGS_CHECKSUM_MISMATCH' }))
})

test('keys that cannot be used are refused by field, and never quoted', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  for (const [make, field] of [
    [() => createSealer({ keyId: 'a.b', privateKey: pem.private }), 'keyId'],
    [() => createSealer({ keyId: '', privateKey: pem.private }), 'keyId'],
    [() => createSealer({ keyId: 'a', privateKey: 'hunter2' }), 'privateKey'],
    [() => createSealer({ keyId: 'a', privateKey: pem.public }), 'privateKey'],
    [() => createSealer({ keyId: 'a', privateKey: current.publicKey }), 'privateKey'],
    [() => createSealer({ keyId: 'a', privateKey: rsa.privateKey }), 'privateKey'],
    [() => createSealVerifier({ keys: { a: 'hunter2' } }), 'keys.a'],
    [() => createSealVerifier({ keys: { a: rsa.publicKey } }), 'keys.a'],
    [() => createSealVerifier({ keys: { 'a.b': pem.public } }), 'keys'],
  ] as const) {
    expect(make).toThrow(
      expect.objectContaining({
        code: 'TIDINGS_INVALID_OPTION',
        message: expect.not.stringContaining('hunter2'),
        details: expect.objectContaining({ field }),
      }),
    )
  }
})
