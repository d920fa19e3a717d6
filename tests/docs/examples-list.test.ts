import { expect, it } from 'vitest'

import { found, read } from './pages.ts'

it('the list of examples has every folder, and none that does not exist', () => {
  const folders = new Set(found(['examples/*/**/*.ts']).map((file) => file.split('/')[1]))
  const listed = [...read('examples/README.md').matchAll(/^\| \[([^\]]+)\]\(([^)/]+)\//gm)]
  expect(listed.filter(([, name, folder]) => name !== folder)).toEqual([])
  expect(listed).toHaveLength(folders.size)
  expect(new Set(listed.map(([, name]) => name))).toEqual(folders)
})
