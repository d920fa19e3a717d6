import { describe, expect, it } from 'vitest'
import { parseCommand } from './main.ts'
import { serverNames } from './server-names.ts'
import { statusTable } from './status-table.ts'

describe('npm run servers', () => {
  it('means all servers where none is named', () => {
    expect(parseCommand(['up'])).toEqual({ command: 'up', names: [...serverNames], chosen: false })
  })

  it('takes each name once', () => {
    expect(parseCommand(['up', 'kafka', 'redis', 'kafka'])).toEqual({
      command: 'up',
      names: ['kafka', 'redis'],
      chosen: true,
    })
  })

  it.each([[[]], [['start']], [['constructor']], [['__proto__']]])('explains itself for %j', (words) => {
    expect(parseCommand(words)).toMatchObject({ wrong: expect.stringContaining('npm run servers -- COMMAND') })
  })

  it('knows its servers', () => {
    expect(parseCommand(['up', 'oracle'])).toEqual({
      wrong: `There is no server 'oracle'. Names: redis, postgres, rabbitmq, nats, kafka, toxiproxy.`,
    })
  })

  it.each(['kill', 'restart'])('%ss one at a time', (command) => {
    expect(parseCommand([command])).toEqual({ wrong: `${command} takes one name.` })
    expect(parseCommand([command, 'redis', 'nats'])).toEqual({ wrong: `${command} takes one name.` })
    expect(parseCommand([command, 'redis'])).toEqual({ command, names: ['redis'], chosen: true })
  })

  it('fills columns up to their widest word', () => {
    const rows = [
      { server: 'PostgreSQL', state: 'down' },
      { server: 'NATS', state: 'ready', url: 'nats://x', note: 'started' },
    ]
    expect(statusTable(rows)).toBe('PostgreSQL  down\nNATS        ready  nats://x  started')
  })
})
