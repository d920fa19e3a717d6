import { TidingsError } from 'tidings'
import { expect, it } from 'vitest'

import { startUp } from './start-up.ts'

async function told(error: Error | undefined): Promise<{ text: string; code: number | undefined }> {
  const seen: { text: string; code: number | undefined } = { text: '', code: undefined }
  const process = {
    stderr: { write: (text: string) => (seen.text += text) },
    exit: (code: number) => void (seen.code = code),
  }
  await startUp(() => (error === undefined ? Promise.resolve() : Promise.reject(error)), process)
  return seen
}

it('says nothing when all is well', async () => {
  expect(await told(undefined)).toEqual({ text: '', code: undefined })
})

it.each([
  [
    Object.assign(new Error('x'), { code: 'EADDRINUSE', port: 4000, address: '127.0.0.1' }),
    'Cannot start: port 4000 of 127.0.0.1 is in use. Set PORT to another, or 0 for any that is free.\n',
  ],
  [
    Object.assign(new Error('x'), { code: 'EACCES', port: 80, address: '127.0.0.1' }),
    'Cannot start: port 80 of 127.0.0.1 may not be used by this user. Set PORT to one above 1023.\n',
  ],
  [
    Object.assign(new Error('x'), { code: 'EADDRNOTAVAIL', address: '10.1.1.1' }),
    'Cannot start: HOST 10.1.1.1 is no address of this machine.\n',
  ],
  [new TidingsError('TIDINGS_INVALID_OPTION', 'PORT must be a port.'), 'Cannot start: PORT must be a port.\n'],
])('tells what can be mended in one line: %s', async (error, text) => {
  expect(await told(error)).toEqual({ text, code: 1 })
})

it('tells a defect with where it happened', async () => {
  expect((await told(new Error('odd'))).text).toMatch(/^Cannot start: Error: odd\n +at .*start-up\.test\.ts/)
})
