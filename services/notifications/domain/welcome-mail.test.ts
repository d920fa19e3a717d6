import { expect, it } from 'vitest'

import { welcomeMail } from './welcome-mail.ts'

it('greets by name, and is one mail for one cause', () => {
  const ada = { email: 'ada@example.com', username: 'ada' }
  const mail = welcomeMail(ada, 'key-1')
  expect(mail).toMatchObject({
    to: 'ada@example.com',
    subject: 'Welcome',
    messageId: '<key-1@notifications.tidings.example>',
  })
  expect(mail.text).toContain('Hello ada,')
  expect(welcomeMail(ada, 'key-1')).toEqual(mail)
  expect(welcomeMail(ada, 'key-2').messageId).not.toBe(mail.messageId)
})
