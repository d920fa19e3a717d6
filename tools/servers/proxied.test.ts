import { expect, it } from 'vitest'
import { hostAndPort } from './proxied.ts'

it.each([
  ['127.0.0.1:9092', '127.0.0.1', 9092],
  ['redis://127.0.0.1:6379/3', '127.0.0.1', 6379],
  ['postgres://tidings@localhost:5432/tidings?x=1', 'localhost', 5432],
  ['amqp://user:pa:5672ss@127.0.0.1:5673', '127.0.0.1', 5673],
])('finds the server in %s', (url, host, port) => {
  expect(hostAndPort(url)).toMatchObject({ host, port, text: `${host}:${port}` })
})

it.each(['', 'redis://localhost', '127.0.0.1:1,127.0.0.1:2', 'amqp://user:secret@:1'])('refuses %j', (url) => {
  expect(() => hostAndPort(url)).toThrow('A proxy needs the address of one server, with its port.')
})
