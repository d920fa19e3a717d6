import { expect, test } from 'vitest'
import { checkSizes } from './check-sizes.ts'
import { plant, problemsOf } from './planted.ts'

const long = (lines: number): string => 'x\n'.repeat(lines)
const rules = (exceptions: Record<string, string> = {}): object => ({
  sizes: { explainAbove: 300, refuseAbove: 500, refuseTestsAbove: 600, exceptions },
})

test('files up to 500 lines pass, tests up to 600, and above 300 there is a warning', async () => {
  const root = plant({ 'architecture.json': rules(), 'a.ts': long(300), 'b.ts': long(500), 'c.test.ts': long(600) })
  expect(await checkSizes.run(root)).toEqual({
    problems: [],
    warnings: ['b.ts: 500 lines, more than 300: is it one idea?'],
  })
})

test('longer files are refused', async () => {
  const files = { 'architecture.json': rules(), 'a.ts': long(501), 'b.test.ts': long(601), 'c.sql': long(501) }
  expect(await problemsOf(checkSizes, files)).toHaveLength(3)
})

test('a justified exception passes; one without a reason, without need or without file does not', async () => {
  const why = 'a table of the protocol, quoted as it stands'
  expect(await problemsOf(checkSizes, { 'architecture.json': rules({ 'a.ts': why }), 'a.ts': long(900) })).toEqual([])
  expect(
    await problemsOf(checkSizes, { 'architecture.json': rules({ 'a.ts': 'long' }), 'a.ts': long(900) }),
  ).toHaveLength(1)
  expect(await problemsOf(checkSizes, { 'architecture.json': rules({ 'a.ts': why }), 'a.ts': long(9) })).toHaveLength(1)
  expect(await problemsOf(checkSizes, { 'architecture.json': rules({ 'a.ts': why }) })).toHaveLength(1)
})

test.each([
  'utils.ts',
  'src/helpers/trim.ts',
  'common.ts',
  'types.ts',
  'misc.sql',
  'string-utils.ts',
  'saga-manager.ts',
  'MyFile.ts',
])('the name %s is refused', async (file) => {
  expect(await problemsOf(checkSizes, { 'architecture.json': rules(), [file]: '' })).toHaveLength(1)
})

test('users of the class style get the Manager they know', async () => {
  const file = 'packages/tidings/src/classes/saga-manager.ts'
  expect(await problemsOf(checkSizes, { 'architecture.json': rules(), [file]: '' })).toEqual([])
})
