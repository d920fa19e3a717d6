import { z } from 'zod'

/** What somebody likes. Rules are told, what was sent is not. */
export const preferences = z.strictObject(
  {
    /** A language tag such as `en` or `de-AT`. */
    language: z.string('must be text').regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, 'must be a language such as en or de-AT'),
    theme: z.enum(['light', 'dark', 'system'], 'must be light, dark or system'),
    newsletter: z.boolean('must be true or false'),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? 'must hold language, theme and newsletter only' : undefined,
  },
)

export type Preferences = z.infer<typeof preferences>

/** What everybody begins with: nothing is sent that nobody has asked for. */
export const firstPreferences: Preferences = Object.freeze({ language: 'en', theme: 'system', newsletter: false })
