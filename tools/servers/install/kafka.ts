import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../find-program.ts'
import type { Say } from '../kinds/kind.ts'
import { withLock } from '../lock.ts'
import { places, toolsFolder } from '../places.ts'
import { runProgram } from '../run-program.ts'
import { aptPrograms } from './apt.ts'
import { installStep } from './install-error.ts'

/** The newest that the client names as supported. */
export const kafkaVersion = '4.2.1'
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

export function kafkaFolder(): string {
  return join(toolsFolder(), `kafka-${kafkaVersion}`)
}

/** The broker's libraries from Maven Central; Java and Maven come from Debian where they are missing. */
export async function installKafka(say: Say): Promise<void> {
  await aptPrograms({ java: 'openjdk-17-jre-headless', mvn: 'maven' }, say)
  await withLock('install-kafka', () => installStep('Kafka', 'Maven', () => download(kafkaFolder(), say)))
}

async function download(folder: string, say: Say): Promise<void> {
  if (existsSync(join(folder, 'whole'))) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const pom = join(folder, 'pom.xml')
  writeFileSync(pom, project())
  say(`Maven Central: Kafka ${kafkaVersion} …`)
  const goal = [`${plugin}:copy-dependencies`, '-DincludeScope=runtime', `-DoutputDirectory=${join(folder, 'libs')}`]
  await runProgram(findProgram('mvn') as string, ['-B', '-q', '-f', pom, ...goal], {
    log: join(places().logs, 'maven.log'),
  })
  writeFileSync(join(folder, 'whole'), '')
}

/** Kafka brings no way to write its log lines; slf4j-simple writes them to standard error. */
function project(): string {
  const dependencies = [
    ['org.apache.kafka', 'kafka_2.13', kafkaVersion],
    ['org.slf4j', 'slf4j-simple', '1.7.36'],
  ].map(
    ([group, name, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
  )
  return [
    '<project><modelVersion>4.0.0</modelVersion>',
    '<groupId>tidings</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>',
    `<dependencies>${dependencies.join('\n')}</dependencies></project>\n`,
  ].join('\n')
}
