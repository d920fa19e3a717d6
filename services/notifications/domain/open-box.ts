import { createDecipheriv } from 'node:crypto'

const tagLength = 16

/** Opens what `sealText` has closed. Throws for another key, another mail, or a box that was changed. */
export function openBox(
  { nonce, box }: { readonly nonce: string; readonly box: string },
  secret: Uint8Array,
  mail: string,
): string {
  const bytes = Buffer.from(box, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', secret, Buffer.from(nonce, 'base64url'), {
    authTagLength: tagLength,
  })
  decipher.setAAD(Buffer.from(mail))
  decipher.setAuthTag(bytes.subarray(-tagLength))
  return Buffer.concat([decipher.update(bytes.subarray(0, -tagLength)), decipher.final()]).toString('utf8')
}
