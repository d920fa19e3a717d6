import { describe, expect, it } from 'vitest'
import type { Instance } from './instance.ts'
import { kinds } from './kinds/all.ts'
import { composeFile } from './launch-compose.ts'
import { serverNames } from './server-names.ts'

const ports = {
  main: 20_001,
  monitor: 20_002,
  controller: 20_003,
  behindProxy: 20_004,
  proxy: 20_005,
  management: 20_006,
}

interface File {
  services: { server: Record<string, unknown> & { image: string; ports?: string[]; command?: string[] } }
  configs?: Record<string, { content: string }>
}

function fileOf(name: (typeof serverNames)[number], settings: Instance['settings'] = {}): File {
  return composeFile(kinds[name].container({ ports, settings }), ports) as File
}

describe('the project of a server', () => {
  it.each(serverNames)('pins the image of %s and publishes its port on the loopback address', (name) => {
    const { server } = fileOf(name).services
    expect(server.image).toMatch(/:\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
    if (name === 'toxiproxy') {
      // It must reach what runs on the machine, in containers or not.
      expect(server).toMatchObject({ network_mode: 'host' })
      expect(server.ports).toBeUndefined()
      expect(server.command).toEqual(['-host=127.0.0.1', '-port=20001'])
    } else {
      expect(server.ports?.[0]).toMatch(/^127\.0\.0\.1:20001:\d+$/)
    }
  })

  it('hands settings on in the words of the server', () => {
    expect(fileOf('redis', { maxmemory: '7mb' }).services.server.command?.join(' ')).toContain('--maxmemory 7mb')
    expect(fileOf('postgres', { work_mem: '8MB' }).services.server.command).toContain('work_mem=8MB')
    expect(fileOf('nats', { max_payload: 1000 }).configs?.['file0']?.content).toContain('max_payload: 1000')
    expect(fileOf('rabbitmq', { heartbeat: 5 }).configs?.['file0']?.content).toContain('heartbeat = 5')
  })

  it('keeps what looks like a variable of Compose as it is', () => {
    expect(fileOf('redis', { requirepass: 'a$HOME' }).services.server.command).toContain('a$$HOME')
  })
})
