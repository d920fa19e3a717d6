import { describe, expect, test } from 'vitest'
import { serverUrl, without } from '../index.ts'

// #region ask
const url = await serverUrl('redis')

describe('on Redis', without('redis'), () => {
  test('has an address', () => expect(url).toBeDefined())
})
// #endregion ask

test('needs none', () => {})
