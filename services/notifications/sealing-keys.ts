import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'

import { type EventBus, type SqlStore, sql } from 'tidings'

import { privateKeyOf, type SealedText, type SealingKey, sealingSecret } from './contract/sealed-text.ts'
import { openBox } from './domain/open-box.ts'

/** The key that others seal with; made where there is none yet. Of two processes that make one at the same time, both get the same. */
export async function ensureSealingKey(bus: EventBus, now: () => number): Promise<void> {
  await bus.transaction(async ({ tx }) => {
    const [known] = await tx.sql`select key_id from notifications_sealing_keys limit 1`
    if (known !== undefined) return
    const pair = generateKeyPairSync('x25519')
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
    const keyId = createHash('sha256').update(publicKey).digest('base64url').slice(0, 22)
    const secret = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64url')
    await tx.sql`
      insert into notifications_sealing_keys (key_id, private_key, public_key, made_at)
      values (${keyId}, ${secret}, ${publicKey.toString('base64url')}, ${now()})`
  })
}

/** The key that is told to whoever asks: the newest; of those made at the same time, always the same one. */
export async function sealingKey(store: SqlStore): Promise<SealingKey> {
  const [row] = await store.query(
    sql`select key_id, public_key from notifications_sealing_keys order by made_at desc, key_id limit 1`,
  )
  if (row === undefined) throw new Error('There is no key to seal with.')
  return { keyId: row.key_id as string, publicKey: row.public_key as string }
}

/** The text; undefined where it was not sealed for this mail, or for a key that is not there. */
export async function openSealed(store: SqlStore, sealed: SealedText, mail: string): Promise<string | undefined> {
  const [row] = await store.query(
    sql`select private_key from notifications_sealing_keys where key_id = ${sealed.keyId}`,
  )
  if (row === undefined) return undefined
  try {
    const sender = Buffer.from(sealed.sender, 'base64url')
    const theirs = createPublicKey({ key: sender, format: 'der', type: 'spki' })
    return openBox(sealed, sealingSecret(privateKeyOf(row.private_key as string), theirs, sender), mail)
  } catch {
    return undefined
  }
}
