import { createPublicKey, generateKeyPairSync } from 'node:crypto'

import { expect, it } from 'vitest'

import { sealedFor, sealingSecret, sealText } from '../contract/sealed-text.ts'
import { openBox } from './open-box.ts'

const pair = generateKeyPairSync('x25519')
const key = {
  keyId: 'k',
  publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64url'),
}
const mail = sealedFor({ flowId: 'flow', kind: 'password-reset', userId: 'ada' })

function open(sealed: ReturnType<typeof sealText>, of: string, mine = pair.privateKey): string {
  const sender = Buffer.from(sealed.sender, 'base64url')
  const theirs = createPublicKey({ key: sender, format: 'der', type: 'spki' })
  return openBox(sealed, sealingSecret(mine, theirs, sender), of)
}

it('opens for the mail it was sealed for, and holds nothing of the text', () => {
  const sealed = sealText('a very secret code', key, mail)
  expect(open(sealed, mail)).toBe('a very secret code')
  expect(JSON.stringify(sealed)).not.toContain('secret')
  expect(sealText('a very secret code', key, mail)).not.toEqual(sealed)
})

it('does not open for another user or another kind, with another key, or when a byte of it has changed', () => {
  const sealed = sealText('code', key, mail)
  for (const other of [{ userId: 'eve' }, { kind: 'welcome' }, { flowId: 'other' }])
    expect(() => open(sealed, sealedFor({ flowId: 'flow', kind: 'password-reset', userId: 'ada', ...other }))).toThrow()
  expect(() => open(sealed, mail, generateKeyPairSync('x25519').privateKey)).toThrow()
  const box = Buffer.from(sealed.box, 'base64url')
  box[0] = (box[0] as number) ^ 1
  expect(() => open({ ...sealed, box: box.toString('base64url') }, mail)).toThrow()
  expect(() => open({ ...sealed, box: 'AAAA' }, mail)).toThrow()
})
