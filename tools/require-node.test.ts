import { expect, test } from 'vitest'
import { requireNode } from './require-node.ts'

test('Node 24 may pass, any of it', () => {
  expect(() => requireNode('24.16.0')).not.toThrow()
  expect(() => requireNode()).not.toThrow()
})

test('another Node is refused with the way out', () => {
  expect(() => requireNode('20.20.2')).toThrow(/this is Node 20\.20\.2.*node_modules\/\.bin/)
  expect(() => requireNode('26.0.0')).toThrow(/Node 26/)
})
