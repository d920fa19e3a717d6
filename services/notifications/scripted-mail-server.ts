import { createServer, type Server, type Socket } from 'node:net'

/** A mail server of a few lines, whose answers a test can choose. */
export interface ScriptedMailServer {
  /** Known once it listens. */
  readonly port: number
  /** What it has been handed, whole, in the order of the final dots. */
  readonly mails: string[]
  /** What it says to the address of a recipient. */
  recipient: string
  /** Mails to these addresses it takes, and never says so. */
  readonly silentTo: Set<string>
  /** At the final dot of mails to these addresses it hangs up. */
  readonly hangsUpOn: Set<string>
  /** At the port it had before, if any. */
  listen(): Promise<void>
  goAway(): Promise<void>
}

export function scriptedMailServer(): ScriptedMailServer {
  const sockets = new Set<Socket>()
  let server: Server | undefined
  let port = 0
  const self: ScriptedMailServer = {
    get port() {
      return port
    },
    mails: [],
    recipient: '250 fine',
    silentTo: new Set(),
    hangsUpOn: new Set(),
    async listen() {
      server = createServer((socket) => {
        sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}))
        converse(socket, self)
      })
      await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve))
      port = (server.address() as { port: number }).port
    },
    async goAway() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server?.close(resolve))
    },
  }
  return self
}

function converse(socket: Socket, script: ScriptedMailServer): void {
  let mail: string | undefined
  let to = ''
  let rest = ''
  socket.setEncoding('utf8').write('220 test\r\n')
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() as string
    for (const line of lines) {
      if (mail === undefined) {
        to = /^RCPT TO:<([^>]*)>/.exec(line)?.[1] ?? to
        if (line === 'DATA') mail = ''
        socket.write(`${answerTo(line, script)}\r\n`)
      } else if (line !== '.') mail += `${line}\n`
      else {
        script.mails.push(mail)
        mail = undefined
        if (script.hangsUpOn.has(to)) socket.destroy()
        else if (!script.silentTo.has(to)) socket.write('250 taken\r\n')
      }
    }
  })
}

function answerTo(line: string, { recipient }: ScriptedMailServer): string {
  if (line === 'DATA') return '354 go on'
  if (line === 'QUIT') return '221 bye'
  return line.startsWith('RCPT') ? recipient : '250 fine'
}
