import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { places } from './places.ts'
import { isFree, portRange, releasePorts, sweepPorts, takePort } from './ports.ts'

const before = process.env['TIDINGS_SERVERS_DIR']

describe('ports', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidings-ports-'))
    process.env['TIDINGS_SERVERS_DIR'] = folder
  })
  afterEach(() => {
    if (before === undefined) delete process.env['TIDINGS_SERVERS_DIR']
    else process.env['TIDINGS_SERVERS_DIR'] = before
    rmSync(folder, { recursive: true })
  })

  it('lie below those of outgoing connections', () => {
    expect(portRange('32768\t60999\n')).toEqual({ from: 20_000, below: 32_768 })
    expect(portRange('49152 65535')).toEqual({ from: 20_000, below: 49_152 })
    // A machine that gives nearly all of them to connections, one that does not say, and one that says nonsense.
    for (const text of ['1024 65535', undefined, 'none']) expect(portRange(text).below).toBe(32_768)
  })

  it('are given once, even to many who ask at the same time', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, (_, at) => takePort(`server-${at}`)))
    expect(new Set(ports).size).toBe(50)
    for (const port of ports) expect(existsSync(join(places().ports, String(port)))).toBe(true)
  })

  it('are given again only when they are released', async () => {
    const port = await takePort('one')
    const other = await takePort('other')
    releasePorts('one')
    expect(existsSync(join(places().ports, String(port)))).toBe(false)
    expect(existsSync(join(places().ports, String(other)))).toBe(true)
  })

  it('stay reserved for a server that is written down or being made, and for no other', async () => {
    const port = await takePort('made')
    const file = join(places().ports, String(port))
    sweepPorts()
    expect(existsSync(file)).toBe(true)
    const gone = { pid: process.pid, started: 'in a former life' }
    writeFileSync(file, JSON.stringify({ id: 'made', by: gone }))
    writeFileSync(join(places().run, 'made.json'), '{}')
    sweepPorts()
    expect(existsSync(file)).toBe(true)
    rmSync(join(places().run, 'made.json'))
    sweepPorts()
    expect(existsSync(file)).toBe(false)
  })

  it('are not free while somebody listens', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as { port: number }
    expect(await isFree(port)).toBe(false)
    server.close()
    await once(server, 'close')
    expect(await isFree(port)).toBe(true)
  })
})
