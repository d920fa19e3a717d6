import { memoryStore } from 'tidings'
import { describe, expect, it } from 'vitest'

import { runInProcess } from '../tests/run-in-process.ts'

const commands = [
  'tail',
  'publish',
  'events',
  'explain',
  'subscriptions',
  'parked list',
  'parked show',
  'parked redrive',
  'parked drop',
  'replay',
  'doctor',
  'completion',
]

describe('the command line', () => {
  it.each(commands)('explains `%s` with an example', async (command) => {
    const ran = await runInProcess([...command.split(' '), '--help'])
    expect(ran.code).toBe(0)
    expect(ran.out).toContain(`Usage: tidings ${command}`)
    expect(ran.out).toMatch(/\nExample:\n {2}.*tidings/)
    expect(ran.out).toContain('--json')
  })

  it('says in one line what is wrong with a command line, and ends with 2', async () => {
    expect(await runInProcess(['tial'])).toMatchObject({
      code: 2,
      err: "error TIDINGS_INVALID_OPTION: unknown command 'tial' (Did you mean tail?)\n",
    })
    expect(await runInProcess(['tail', '--limit', '0'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error TIDINGS_INVALID_OPTION: .*whole number of at least 1\.\n$/) as string,
    })
    expect(await runInProcess(['events', '--since', 'tomorrow-ish'])).toMatchObject({ code: 2 })
    expect(await runInProcess(['events', '--type', 'a.**.b'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('TIDINGS_INVALID_OPTION') as string,
    })
    const json = await runInProcess(['explain', '--json'])
    expect(json.code).toBe(2)
    expect(JSON.parse(json.err)).toEqual({
      error: { code: 'TIDINGS_INVALID_OPTION', message: "missing required argument 'id'" },
    })
  })

  it('asks for a store where none is named, and makes none by looking', async () => {
    expect(await runInProcess(['events'], { env: {} })).toMatchObject({
      code: 2,
      err: expect.stringContaining('TIDINGS_URL') as string,
    })
    const missing = await runInProcess(['events', '--url', 'sqlite:./no-such-folder/x.db'])
    expect(missing).toMatchObject({
      code: 1,
      err: 'error TIDINGS_NOT_FOUND: There is no store at ./no-such-folder/x.db; a bus makes it when it first starts.\n',
    })
  })

  it('tells errors of the store by their code, the stack with --debug alone', async () => {
    const store = memoryStore()
    await store.close()
    const plain = await runInProcess(['events'], { store })
    expect(plain).toMatchObject({ code: 1, err: 'error TIDINGS_CLOSED: The memory store is closed.\n' })
    expect((await runInProcess(['events', '--debug'], { store })).err).toContain('    at ')
    expect(JSON.parse((await runInProcess(['events', '--json'], { store })).err)).toMatchObject({
      error: { code: 'TIDINGS_CLOSED' },
    })
  })

  it('neutralises what an error quotes', async () => {
    const ran = await runInProcess(['explain', 'x\x1b[2J\u202e'])
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('x\\x1b[2J\\u202e')
    expect(ran.err).not.toContain('\x1b')
  })

  it('colours terminals alone, and not against the reader’s wish', async () => {
    const coloured = async (options: Parameters<typeof runInProcess>[1], ...args: string[]): Promise<boolean> =>
      (await runInProcess(['explain', 'nobody', ...args], options)).err.includes('\x1b[')
    expect(await coloured({ terminal: 80 })).toBe(true)
    expect(await coloured({})).toBe(false)
    expect(await coloured({ terminal: 80 }, '--no-color')).toBe(false)
    expect(await coloured({ terminal: 80, env: { TIDINGS_URL: 'memory:', NO_COLOR: '1' } })).toBe(false)
    expect(await coloured({ env: { TIDINGS_URL: 'memory:', FORCE_COLOR: '1' } })).toBe(true)
  })

  it('writes completions that know every command and its options', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await runInProcess(['completion', shell])
      expect(code).toBe(0)
      for (const word of ['redrive', 'subscriptions', 'fingerprint', 'stop-after', 'since']) expect(out).toContain(word)
    }
    expect(await runInProcess(['completion', 'tcsh'])).toMatchObject({ code: 2 })
  })
})
