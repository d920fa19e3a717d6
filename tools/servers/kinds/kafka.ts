import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findProgram, realProgram, versionOf } from '../find-program.ts'
import { installKafka, kafkaFolder, kafkaVersion } from '../install/kafka.ts'
import type { Instance } from '../instance.ts'
import { withLock } from '../lock.ts'
import { places } from '../places.ts'
import { ask } from '../probes.ts'
import { runProgram } from '../run-program.ts'
import { kafkaEnvironment, kafkaProperties } from './kafka-properties.ts'
import { type Container, type Launch, type Programs, port, type ServerKind } from './kind.ts'

/** One simple collector and the quick compiler alone: half the time to start. */
const quick = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
const quiet = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true']
const cluster = 'dGlkaW5ncy10ZXN0cy0wMQ'
const oldestJava = 17
const oldestKafka = 4

/** A single Kafka broker that is its own controller (KRaft). */
export const kafka: ServerKind = {
  name: 'kafka',
  // Clients reconnect to what a broker advertises, so whoever comes through a proxy needs a listener that knows it.
  ports: ['main', 'controller', 'behindProxy', 'proxy'],
  goodbye: { signal: 'SIGTERM', patience: 20_000 },

  find(): Programs | string {
    const home = process.env['JAVA_HOME']
    const java = findProgram('java', home ? [join(home, 'bin')] : [])
    const libs = findLibraries()
    if (!libs) return 'no kafka-server-start.sh of Kafka 4 on PATH'
    if (!java) return 'no java on PATH'
    return versionOf(java, '-version', /version "(\d+)/) >= oldestJava
      ? { java, libs }
      : `java is older than ${oldestJava}`
  },

  install: (say) => installKafka(say),

  async prepare(instance, { java, libs }): Promise<Launch[]> {
    const { folder, settings, ports } = instance
    const data = join(folder, 'log')
    const file = join(folder, 'server.properties')
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, kafkaProperties({ ports, data, settings }))
    if (!existsSync(join(data, 'meta.properties'))) await format(data, { java: java as string, libs: libs as string })
    const options = ['-Xms128m', '-Xmx256m', ...quick, ...quiet]
    const args = [...options, '-cp', join(libs as string, '*'), 'kafka.Kafka', file]
    return [{ name: 'main', program: java as string, args }]
  },

  container: (instance): Container => ({
    image: `apache/kafka:${kafkaVersion}`,
    environment: {
      ...kafkaEnvironment({
        ports: instance.ports,
        inside: { main: 9092, controller: 9093, behindProxy: 9094 },
        data: '/var/lib/kafka/data',
        settings: instance.settings,
      }),
      CLUSTER_ID: cluster,
      KAFKA_HEAP_OPTS: '-Xms128m -Xmx256m',
    },
    ports: { main: 9092, behindProxy: 9094 },
  }),

  url: (ports) => `127.0.0.1:${ports['main']}`,

  /** Metadata, asked in version 7, that names the broker: it does so once it may serve clients. */
  async ready(instance: Pick<Instance, 'ports'>): Promise<boolean> {
    const answer = await ask(port(instance, 'main'), metadataRequest(), (said) => said.length >= 16)
    return answer !== undefined && answer.readInt32BE(12) === 1
  },
}

function findLibraries(): string | undefined {
  const downloaded = join(kafkaFolder(), 'libs')
  if (existsSync(join(kafkaFolder(), 'whole'))) return downloaded
  const script = findProgram('kafka-server-start.sh') ?? findProgram('kafka-server-start')
  if (!script) return undefined
  const libs = join(dirname(realProgram(script)), '..', 'libs')
  return existsSync(libs) && versionIn(libs) >= oldestKafka ? libs : undefined
}

function versionIn(libs: string): number {
  const jar = readdirSync(libs).find((name) => /^kafka-clients-\d/.test(name))
  return Number(/-(\d+)/.exec(jar ?? '')?.[1] ?? 0)
}

/** Formatting takes a second of Java, so it is done once; each broker gets a copy and an id for its folder. */
async function format(data: string, { java, libs }: { java: string; libs: string }): Promise<void> {
  const template = join(places().state, `kafka-${basename(dirname(libs)).replace(/^kafka-/, '') || kafkaVersion}`)
  await withLock('kafka-format', async () => {
    if (existsSync(template)) return
    const draft = `${template}.draft`
    const file = join(places().state, 'kafka-format.properties')
    rmSync(draft, { recursive: true, force: true })
    writeFileSync(file, kafkaProperties({ ports: { main: 1, controller: 2, behindProxy: 3, proxy: 4 }, data: draft }))
    await runProgram(java, [
      '-Xmx128m',
      ...quick,
      ...quiet,
      '-cp',
      join(libs, '*'),
      'kafka.tools.StorageTool',
      'format',
      '-t',
      cluster,
      '-c',
      file,
    ])
    renameSync(draft, template)
  })
  const draft = `${data}.draft`
  rmSync(draft, { recursive: true, force: true })
  cpSync(template, draft, { recursive: true })
  const meta = join(draft, 'meta.properties')
  const id = randomBytes(16).toString('base64url')
  writeFileSync(meta, readFileSync(meta, 'utf8').replace(/^directory\.id=.*$/m, `directory.id=${id}`))
  renameSync(draft, data)
}

export function metadataRequest(): Buffer {
  const name = Buffer.from('tidings')
  const body = Buffer.alloc(4 + 2 + 2 + 4 + 2 + name.length + 4 + 1)
  let at = body.writeInt32BE(body.length - 4, 0)
  at = body.writeInt16BE(3, at)
  at = body.writeInt16BE(7, at)
  at = body.writeInt32BE(1, at)
  at = body.writeInt16BE(name.length, at)
  at += name.copy(body, at)
  // No topics, and none made by asking.
  at = body.writeInt32BE(0, at)
  body.writeInt8(0, at)
  return body
}
