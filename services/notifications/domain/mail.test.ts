import { mailKinds } from '@tidings-services/auth/contract'
import { describe, expect, it } from 'vitest'

import { mailOf, needsSecret } from './mail.ts'

const ada = { email: 'ada@example.com', username: 'ada' }

it('greets by name, and is one mail for one cause', () => {
  const mail = mailOf('welcome', ada, 'key-1')
  expect(mail).toMatchObject({
    to: 'ada@example.com',
    subject: 'Welcome',
    messageId: '<key-1@notifications.tidings.example>',
  })
  expect(mail.text).toContain('Hello ada,')
  expect(mailOf('welcome', ada, 'key-1')).toEqual(mail)
  expect(mailOf('welcome', ada, 'key-2').messageId).not.toBe(mail.messageId)
})

describe.each(mailKinds)('the mail %s', (kind) => {
  it('has a subject, and tells its secret where it has one', () => {
    const { subject, text } = mailOf(kind, ada, 'key', 'the secret')
    expect(subject).not.toBe('')
    expect(text.includes('the secret')).toBe(needsSecret(kind))
  })
})
