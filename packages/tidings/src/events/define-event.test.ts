import { describe, expect, it } from 'vitest'

import { defineEvent } from './define-event.ts'

describe('defining an event', () => {
  it('refuses names that are no options: a schema that is misspelt would check nothing', () => {
    const misspelt = { shema: {}, key: () => 'k', retenton: '1d' } as never
    expect(() => defineEvent('order.placed', misspelt)).toThrow(
      /Cannot define event "order.placed": There is no option `shema`; did you mean `schema`\? There is no option `retenton`; did you mean `retention`\?/,
    )
  })

  it('names every mistake at once', () => {
    expect(() => defineEvent('order placed', { version: 'one', priority: 'urgent' as never })).toThrow(
      /`type` to be words.*`version` to be a semantic version.*`priority` to be one of/,
    )
  })
})
