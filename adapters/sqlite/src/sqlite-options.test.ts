import { describe, expect, it } from 'vitest'

import { fromUrl, sqlite } from './index.ts'
import { settingsOf } from './sqlite-options.ts'

describe('settingsOf', () => {
  it.each([
    ['./events.db', './events.db'],
    [':memory:', ':memory:'],
    ['sqlite::memory:', ':memory:'],
    ['sqlite:./events.db', './events.db'],
    ['sqlite:events.db', 'events.db'],
    ['sqlite:/var/lib/events.db', '/var/lib/events.db'],
    ['sqlite:///var/lib/events.db', '/var/lib/events.db'],
    ['sqlite:./my%20events%3F.db?partitions=4', './my events?.db'],
    ['file:///var/lib/my%20events.db', '/var/lib/my events.db'],
    ['C:\\events.db', 'C:\\events.db'],
  ])('reads %s as the path %s', (given, path) => {
    expect(settingsOf(given, {}).path).toBe(path)
  })

  it('has defaults, takes options from the URL, and lets those given by hand win', () => {
    expect(settingsOf('a.db', {})).toEqual({
      path: 'a.db',
      partitions: undefined,
      durability: 'full',
      busyTimeout: 10_000,
      poll: 20,
      maxBytes: undefined,
    })
    const url = 'sqlite:a.db?durability=normal&partitions=4&busyTimeout=5&poll=7&maxBytes=65536'
    expect(settingsOf(url, { poll: 9 })).toEqual({
      path: 'a.db',
      partitions: 4,
      durability: 'normal',
      busyTimeout: 5,
      poll: 9,
      maxBytes: 65_536,
    })
  })

  it('names every mistake at once', () => {
    const options = { partitions: 0, durability: 'some' as 'full', busyTimeout: -1, poll: 0.5, maxBytes: Number.NaN }
    const open = (): unknown => sqlite('sqlite:%zz?speed=9', options)
    expect(open).toThrow(
      expect.objectContaining({
        code: 'TIDINGS_INVALID_OPTION',
        message: expect.stringMatching(/partitions.*durability.*busyTimeout.*poll.*maxBytes.*speed.*percent/s),
      }),
    )
  })

  it('refuses URLs of others, empty paths and counts above 1,024', () => {
    for (const run of [
      () => fromUrl('postgres://localhost/a'),
      () => fromUrl('./a.db'),
      () => fromUrl('sqlite:'),
      () => sqlite(''),
      () => sqlite('a.db', { partitions: 1_025 }),
    ]) {
      expect(run).toThrow(expect.objectContaining({ code: 'TIDINGS_INVALID_OPTION' }))
    }
    expect(fromUrl('sqlite::memory:').name).toBe('sqlite')
  })
})
