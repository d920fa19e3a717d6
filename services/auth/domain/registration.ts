import { z } from 'zod'

/** What somebody who registers must send. Rules are told, what was sent is not. */
export const registration = z.object({
  email: z.email('must be an e-mail address').max(254, 'must have at most 254 characters'),
  username: z
    .string('must be text')
    .min(3, 'must have at least 3 characters')
    .max(32, 'must have at most 32 characters')
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'must be letters, digits, dots, dashes and underscores, a letter or digit first',
    ),
  password: z
    .string('must be text')
    .min(10, 'must have at least 10 characters')
    .max(200, 'must have at most 200 characters'),
})

export type Registration = z.infer<typeof registration>

/** The rules a password breaks that take more than the password to see. */
export function passwordProblem({ email, username, password }: Registration): string | undefined {
  const [mine = ''] = email.toLowerCase().split('@')
  const low = password.toLowerCase()
  const holds = (part: string): boolean => part.length >= 4 && low.includes(part)
  return holds(username.toLowerCase()) || holds(mine) ? 'must not hold the username or the e-mail address' : undefined
}

/** One way to write an address, so that nobody registers twice by a capital letter. */
export function normalEmail(email: string): string {
  return email.toLowerCase()
}
