import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, expect, it } from 'vitest'

import { payloadId } from '../payloads/claim.ts'
import { filePayloads } from './file-payloads.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidings-payloads-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('keeps the same bytes once, whoever keeps them at the same time, and leaves no drafts', async () => {
  const payloads = filePayloads(join(folder, 'a'))
  const bytes = Buffer.alloc(100_000, 'x')
  const id = payloadId(bytes)
  expect(await payloads.get(id)).toBeUndefined()
  await Promise.all(Array.from({ length: 20 }, () => payloads.put(id, bytes)))
  expect(await payloads.get(id)).toEqual(bytes)
  const files = readdirSync(join(folder, 'a'), { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  expect(files.map((file) => file.name)).toEqual([id])
})

it('lets go what was last kept before a time', async () => {
  const payloads = filePayloads(join(folder, 'b'))
  const [old, young] = ['old', 'young'].map((text) => Buffer.from(text)) as [Buffer, Buffer]
  await payloads.put(payloadId(old), old)
  await payloads.put(payloadId(young), young)
  expect(await payloads.sweep(Date.now() - 60_000)).toBe(0)
  expect(await payloads.sweep(Date.now() + 60_000)).toBe(2)
  expect(await payloads.get(payloadId(old))).toBeUndefined()
})

it.each(['../../etc/passwd', 'x', `${'a'.repeat(42)}/`])('refuses %j as an id', async (id) => {
  await expect(filePayloads(folder).put(id, Buffer.from('x'))).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
  await expect(filePayloads(folder).get(id)).rejects.toMatchObject({ code: 'TIDINGS_INVALID_OPTION' })
})
