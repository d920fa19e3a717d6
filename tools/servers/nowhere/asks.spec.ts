import { describe, expect, test } from 'vitest'
import { serverUrl, without } from '../index.ts'

const url = await serverUrl('redis')

describe('on Redis', without('redis'), () => {
  test('is not run', () => expect(url).toBeDefined())
})

test('needs none', () => {})
