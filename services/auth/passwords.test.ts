import { expect, it } from 'vitest'

import { checkPassword, hashPassword } from './passwords.ts'

it('opens with the right password alone, and no two hashes are alike', async () => {
  const phc = await hashPassword('analytical engine')
  expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(await checkPassword('analytical engine', phc)).toBe(true)
  expect(await checkPassword('analytical Engine', phc)).toBe(false)
  expect(await hashPassword('analytical engine')).not.toBe(phc)
})

it('reads what the reference implementation of argon2 has written', async () => {
  // One of its published test vectors.
  const phc = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  expect(await checkPassword('password', phc)).toBe(true)
  expect(await checkPassword('passwore', phc)).toBe(false)
})

it('says no where there is no account, or no hash that can be read', async () => {
  expect(await checkPassword('analytical engine', undefined)).toBe(false)
  expect(await checkPassword('analytical engine', 'plain text')).toBe(false)
})
