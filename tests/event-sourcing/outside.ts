import { createServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'

import { createTransport } from 'nodemailer'
import { SMTPServer } from 'smtp-server'

/** The outside world: a mail server and an HTTP server on this machine, which count what reaches them, and the ways to reach them. */
export interface Outside {
  /** Mails and requests that have arrived. */
  readonly arrived: () => { readonly mails: number; readonly requests: number }
  readonly mail: (text: string, key: string) => Promise<void>
  readonly call: (text: string, key: string) => Promise<void>
  end(): Promise<void>
}

export async function openOutside(): Promise<Outside> {
  let mails = 0
  let requests = 0
  const mailServer = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData(stream, _session, done) {
      stream.resume().on('end', () => {
        mails++
        done()
      })
    },
  })
  const server = createServer((request, response) => {
    requests++
    request.resume().on('end', () => response.end())
  })
  const mailPort = await listening(mailServer.server)
  const port = await listening(server)
  const transport = createTransport({ url: `smtp://127.0.0.1:${mailPort}`, pool: true })
  return {
    arrived: () => ({ mails, requests }),
    async mail(text, key) {
      const messageId = `<${key}@example.com>`
      await transport.sendMail({ from: 'shop@example.com', to: 'who@example.com', subject: 'Shipped', text, messageId })
    },
    async call(text, key) {
      const headers = { 'idempotency-key': key }
      await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: text })).text()
    },
    async end() {
      transport.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await new Promise<void>((resolve) => mailServer.close(() => resolve()))
    },
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
