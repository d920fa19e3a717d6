import {
  createCipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

import { z } from 'zod'

/** Text that only the service that sends mails can read, wherever else it is kept. */
export const SealedText = z.object({
  /** Which key opens it. */
  keyId: z.string().max(100),
  /** X25519 public key, made for this text alone; base64url, as is the rest. */
  sender: z.string().max(100),
  nonce: z.string().max(100),
  /** AES-256-GCM, its tag at the end. */
  box: z.string().max(4_000),
})

export type SealedText = z.infer<typeof SealedText>

export interface SealingKey {
  readonly keyId: string
  /** X25519, DER (SPKI) in base64url. */
  readonly publicKey: string
}

/**
 * Seals text for the service that sends mails, and for one mail of one user: it opens as part of that mail only. Whoever reads the event, its log or a broker
 * learns nothing. Throws for a key that is none.
 */
export function sealText(text: string, { keyId, publicKey }: SealingKey, mail: string): SealedText {
  const recipient = createPublicKey({ key: Buffer.from(publicKey, 'base64url'), format: 'der', type: 'spki' })
  const pair = generateKeyPairSync('x25519')
  const sender = pair.publicKey.export({ format: 'der', type: 'spki' })
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', sealingSecret(pair.privateKey, recipient, sender), nonce)
  cipher.setAAD(Buffer.from(mail))
  const box = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    keyId,
    sender: sender.toString('base64url'),
    nonce: nonce.toString('base64url'),
    box: box.toString('base64url'),
  }
}

/** What a text is bound to, so that it cannot be moved to another mail. */
export function sealedFor({
  flowId,
  kind,
  userId,
}: {
  readonly flowId: string
  readonly kind: string
  readonly userId: string
}): string {
  return JSON.stringify([flowId, kind, userId])
}

/** The secret that both sides arrive at: from one's private key and the other's public key. */
export function sealingSecret(mine: KeyObject, theirs: KeyObject, sender: Buffer): Buffer {
  const shared = diffieHellman({ privateKey: mine, publicKey: theirs })
  return Buffer.from(hkdfSync('sha256', shared, sender, 'tidings.mail.sealed-text', 32))
}

export function privateKeyOf(text: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(text, 'base64url'), format: 'der', type: 'pkcs8' })
}
