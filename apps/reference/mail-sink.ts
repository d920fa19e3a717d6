import type { AddressInfo } from 'node:net'

import { SMTPServer } from 'smtp-server'

/** A mail that arrived. */
export interface ReceivedMail {
  /** RFC 3339. */
  readonly at: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly messageId: string
  /** What its reader sees: without headers, and decoded. */
  readonly text: string
  /** As it came, headers included. */
  readonly raw: string
}

export interface MailSink {
  /** Where to send mails to. */
  readonly url: string
  /** The last 200, oldest first. */
  readonly mails: readonly ReceivedMail[]
  close(): Promise<void>
}

const kept = 200
const largest = 1_048_576

/** A mail server that delivers to nobody: on this machine only, in memory, at `port` or at one that is free. */
export async function openMailSink(port = 0): Promise<MailSink> {
  const mails: ReceivedMail[] = []
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: largest,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (stream.sizeExceeded) {
          done(Object.assign(new Error('The mail is too large'), { responseCode: 552 }))
          return
        }
        const { mailFrom, rcptTo } = session.envelope
        mails.push(
          received(
            Buffer.concat(chunks).toString(),
            mailFrom === false ? '' : mailFrom.address,
            rcptTo.map(({ address }) => address),
          ),
        )
        if (mails.length > kept) mails.shift()
        done()
      })
    },
  })
  // A client that goes away in the middle of a mail is not our failure.
  server.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: listensAt } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${listensAt}`,
    mails,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function received(raw: string, from: string, to: readonly string[]): ReceivedMail {
  return {
    at: new Date().toISOString(),
    from,
    to,
    subject: header(raw, 'subject'),
    messageId: header(raw, 'message-id'),
    text: textOf(raw),
    raw,
  }
}

/** The value of a header, its folded lines joined; empty where there is none. */
function header(raw: string, name: string): string {
  const head = raw.split(/\r?\n\r?\n/, 1)[0] ?? ''
  const lines = head.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)
  const line = lines.find((one) => one.toLowerCase().startsWith(`${name}:`))
  return line === undefined ? '' : line.slice(name.length + 1).trim()
}

/** The body of a mail of one part, whose lines nodemailer breaks at 76 characters. */
function textOf(raw: string): string {
  const [, ...body] = raw.replaceAll('\r\n', '\n').split('\n\n')
  const text = body.join('\n\n')
  if (!/^quoted-printable$/i.test(header(raw, 'content-transfer-encoding'))) return text
  const bytes = text
    .replaceAll(/=\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
