import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { family, fieldsOfStat, gone, identify, isAlive, killFamily, signal } from './process-identity.ts'

const sleeper = ['-e', 'setInterval(() => {}, 1000)']

describe('the identity of a process', () => {
  it('is found after a name that looks like more fields', () => {
    const line = `77 (a) S (1) b) S 12 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200`
    expect(fieldsOfStat(line)).toEqual({ state: 'S', parent: 12, started: '987654' })
  })

  it('is nothing where the line is cut off', () => {
    expect(fieldsOfStat('77 (node) S 12')).toBeUndefined()
  })

  it('is the same every time one looks, and gone with the process', async () => {
    const child = spawn(process.execPath, sleeper, { stdio: 'ignore' })
    await once(child, 'spawn')
    const one = identify(child.pid as number)
    expect(one).toEqual(identify(child.pid as number))
    expect(one && isAlive(one)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(identify(child.pid as number)).toBeUndefined()
    expect(one && (await gone(one, 0))).toBe(true)
  })

  it('keeps signals from another process that was given the number', async () => {
    const child = spawn(process.execPath, sleeper, { stdio: 'ignore' })
    await once(child, 'spawn')
    const former = { pid: child.pid as number, started: 'long ago' }
    signal(former, 'SIGKILL')
    await killFamily(former)
    expect(family(former)).toEqual([])
    expect(child.signalCode).toBeNull()
    expect(identify(former.pid)).toBeDefined()
    child.kill('SIGKILL')
  })

  it('leads to its children, and they are killed with it', async () => {
    const parent = `require('node:child_process').spawn(process.execPath, ${JSON.stringify(sleeper)}, { stdio: 'ignore' })`
    const child = spawn(process.execPath, ['-e', `${parent}; setInterval(() => {}, 1000)`], { stdio: 'ignore' })
    await once(child, 'spawn')
    const head = identify(child.pid as number)
    if (!head) return expect.fail('It runs.')
    await expect.poll(() => family(head), { timeout: 10_000 }).toHaveLength(2)
    const [, grandchild] = family(head)
    await killFamily(head)
    expect([head, grandchild].map((one) => one && isAlive(one))).toEqual([false, false])
  })
})
