import { describe, expect, it } from 'vitest'

import { anchors, codeBlocks, frontMatter, generatedParts, links, withoutCode } from './markdown.ts'
import { optionRows } from './option-table.ts'
import { shellMistakes } from './shell-lines.ts'
import { snippet, withFreshSnippets } from './snippets.ts'

const page = [
  '---',
  'kind: how-to',
  '---',
  '# A `title`: it is',
  '',
  'See [here](a.md#b "c") and `[not](here.md)`.',
  '',
  '<!-- snippet: tests/docs/front-matter.test.ts -->',
  '```ts',
  '# no title [no](link.md)',
  '```',
  '',
  '```sh',
  'npm ci',
  '```',
  '<!-- generated: members x -->',
  'old',
  '<!-- end -->',
  '## A title',
  '## A title',
].join('\n')

describe('pages are read as they are written', () => {
  it('finds blocks with their markers', () => {
    expect(codeBlocks(page)).toMatchObject([
      { language: 'ts', marker: 'snippet: tests/docs/front-matter.test.ts', from: 9, to: 11 },
      { language: 'sh', marker: undefined, text: 'npm ci' },
    ])
  })

  it('finds links, but none in code', () => {
    expect(links(page)).toEqual([{ target: 'a.md#b', line: 6 }])
    expect(withoutCode(page).split('\n')).toHaveLength(page.split('\n').length)
  })

  it('names anchors as GitHub does', () => {
    expect([...anchors(page)]).toEqual(['a-title-it-is', 'a-title', 'a-title-1'])
  })

  it('finds generated parts, and refuses one without an end', () => {
    expect(generatedParts(page)).toMatchObject([{ says: 'members x', text: 'old' }])
    expect(() => generatedParts('<!-- generated: members x -->')).toThrow('without <!-- end -->')
  })

  it('reads front matter', () => {
    expect(frontMatter(page)).toEqual({ kind: 'how-to' })
    expect(frontMatter('# No front matter')).toBeUndefined()
  })
})

describe('snippets', () => {
  it('are cut without their markers and their indentation', () => {
    // #region sample
    const kept = [
      // #region inner
      'this stays',
      // #endregion inner
    ]
    // #endregion sample
    expect(kept).toEqual(['this stays'])
    expect(snippet('tests/docs/markdown.test.ts#sample')).toBe("const kept = [\n  'this stays',\n]")
    expect(snippet('tests/docs/markdown.test.ts#inner')).toBe("'this stays',")
  })

  it('must exist', () => {
    expect(() => snippet('tests/docs/markdown.test.ts#missing')).toThrow("has no region 'missing'")
    expect(() => snippet('tests/docs/missing.ts')).toThrow('ENOENT')
  })

  it('replace what has grown stale, and leave the rest as it is', () => {
    const fresh = withFreshSnippets(page)
    expect(fresh).not.toContain('# no title')
    expect(fresh).toContain('npm ci')
    expect(withFreshSnippets(fresh)).toBe(fresh)
  })
})

describe('commands', () => {
  it.each([
    'npm run nothing-of-this-name',
    'node examples/nothing/main.ts',
    'npx tidings nothing',
    'npx tidings parked nothing',
    'npx tidings parked list --nothing',
    'npx vitest run nothing.test.ts',
    'npm install tidings',
    'npm install --save-exact zod @tidings/kafka',
    'nothing --at all',
  ])('%s is refused', async (line) => {
    expect(await shellMistakes(line)).toHaveLength(1)
  })

  it.each([
    'npm ci && npm test',
    'npm install ../tidings/packages/tidings zod',
    'node --conditions=source examples/readme/main.ts # a comment',
    'TIDINGS_URL=sqlite:./x.db npx tidings parked redrive --ramp 1,10 --by ada',
    'npx vitest run stock.test.ts',
    'npx tidings events --type "order.*" | npx tidings publish -',
  ])('%s is fine', async (line) => {
    expect(await shellMistakes(line)).toEqual([])
  })
})

describe('tables of members', () => {
  it('hold every member of an interface, those of members too, with what its comment says', () => {
    const rows = optionRows('packages/tidings/src/bus/bus-options.ts#EventBusOptions')
    expect(rows.find(({ name }) => name === 'publish.maxBytes')).toEqual({
      name: 'publish.maxBytes',
      type: '`number`',
      says: 'Largest encoded data of one event, in bytes. Default 1,048,576.',
    })
    expect(rows.filter(({ says }) => says === '')).toEqual([])
  })

  it('are of interfaces that exist', () => {
    expect(() => optionRows('packages/tidings/src/bus/bus-options.ts#Nothing')).toThrow('no interface Nothing')
  })
})
