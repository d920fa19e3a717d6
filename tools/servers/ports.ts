import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { places } from './places.ts'
import { type Identity, identify, isAlive } from './process-identity.ts'

const first = 20_000

interface Reservation {
  /** The server it is for. It keeps its ports while it is down. */
  readonly id: string
  /** Who took it; counts until the server is written down. */
  readonly by: Identity
}

/** Below the ports that the system gives to outgoing connections, so that none of those takes one while its server is down. */
export function portRange(text: string | undefined): { from: number; below: number } {
  const low = Number(text?.trim().split(/\s+/)[0])
  return { from: first, below: low >= first + 1000 ? low : 32_768 }
}

/** A free port of the loopback address, reserved for the server `id` until `releasePorts(id)`. */
export async function takePort(id: string): Promise<number> {
  const { from, below } = portRange(ephemeralPorts())
  const by = identify(process.pid) as Identity
  for (let tries = 0; tries < 1000; tries++) {
    const port = randomInt(from, below)
    if (!reserve(port, { id, by })) continue
    if (await isFree(port)) return port
    rmSync(reservationOf(port), { force: true })
  }
  throw new Error(`No free port between ${from} and ${below}.`)
}

export function releasePorts(id: string): void {
  for (const { port, reservation } of reservations()) if (reservation?.id === id) rmSync(reservationOf(port))
}

/** Forgets reservations of which both the server and the process that made them are gone. */
export function sweepPorts(): void {
  for (const { port, reservation } of reservations()) {
    if (reservation && (isAlive(reservation.by) || existsSync(join(places().run, `${reservation.id}.json`)))) continue
    rmSync(reservationOf(port), { force: true })
  }
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function reserve(port: number, reservation: Reservation): boolean {
  // A link to a file that is whole: nobody ever reads half a reservation.
  const draft = join(places().state, `port-${process.pid}-${randomBytes(4).toString('hex')}`)
  writeFileSync(draft, JSON.stringify(reservation))
  try {
    linkSync(draft, reservationOf(port))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft)
  }
}

function reservations(): { port: number; reservation: Reservation | undefined }[] {
  return readdirSync(places().ports).map((name) => ({ port: Number(name), reservation: reservationIn(Number(name)) }))
}

function reservationIn(port: number): Reservation | undefined {
  try {
    return JSON.parse(readFileSync(reservationOf(port), 'utf8')) as Reservation
  } catch {
    return undefined
  }
}

function reservationOf(port: number): string {
  return join(places().ports, String(port))
}

function ephemeralPorts(): string | undefined {
  const file = '/proc/sys/net/ipv4/ip_local_port_range'
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
