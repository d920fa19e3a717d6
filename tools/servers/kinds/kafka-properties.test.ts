import { expect, it } from 'vitest'
import { kafkaEnvironment, kafkaProperties } from './kafka-properties.ts'

const ports = { main: 20_001, controller: 20_002, behindProxy: 20_003, proxy: 20_004 }

function linesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(/=(.*)/s, 2)),
  ) as Record<string, string>
}

it('tells clients who came through the proxy to come through it again', () => {
  const lines = linesOf(kafkaProperties({ ports, data: 'data' }))
  expect(lines['listeners']).toBe('PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002,PROXIED://127.0.0.1:20003')
  expect(lines['advertised.listeners']).toBe('PLAINTEXT://127.0.0.1:20001,PROXIED://127.0.0.1:20004')
})

it('takes settings of a test, but keeps its address and folder', () => {
  const settings = { 'num.partitions': 9, 'log.dirs': 'elsewhere', 'message.max.bytes': 1000 }
  const lines = linesOf(kafkaProperties({ ports, data: 'data', settings }))
  expect(lines).toMatchObject({ 'num.partitions': '9', 'log.dirs': 'data', 'message.max.bytes': '1000' })
})

it('says the same to a container by the names of its image', () => {
  const inside = { main: 9092, controller: 9093, behindProxy: 9094 }
  const environment = kafkaEnvironment({ ports, inside, data: 'data', settings: { 'a_b-c.d': true } })
  expect(environment).toMatchObject({
    KAFKA_ADVERTISED_LISTENERS: 'PLAINTEXT://127.0.0.1:20001,PROXIED://127.0.0.1:20004',
    KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://0.0.0.0:9093,PROXIED://0.0.0.0:9094',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_A__B___C_D: 'true',
  })
})
