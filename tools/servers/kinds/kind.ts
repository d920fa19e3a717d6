import type { Instance } from '../instance.ts'
import type { ServerName } from '../server-names.ts'

/** Paths of programs and folders that a server is started from, by name. */
export type Programs = Readonly<Record<string, string>>

/** One process of a server. */
export interface Launch {
  /** `main` is the server itself and comes last; others are its companions. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** For servers that refuse to be run by root. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

/** A server in a container: what Docker Compose is told, except for its name. */
export interface Container {
  readonly image: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Port inside the container, by the name of ours. */
  readonly ports: Readonly<Record<string, number>>
  /** Files that it reads, by their path inside. */
  readonly files?: Readonly<Record<string, string>>
  /** The machine's own network instead of ports, for what must reach other servers of the machine. */
  readonly hostNetwork?: boolean
}

export type Say = (line: string) => void

/** How one kind of server is had, started and asked whether it is ready. */
export interface ServerKind {
  readonly name: ServerName
  /** Names of the ports it needs. `main` is the one of its URL. */
  readonly ports: readonly string[]
  /** The programs, if they are here and new enough; otherwise what is wrong, in a few words. */
  find(): Programs | string
  /** Brings what `find` missed. Throws an `InstallError` where that cannot be done. */
  install(say: Say): Promise<void>
  /** Writes configuration and, the first time, data. Called before every start. */
  prepare(instance: Instance, programs: Programs): Promise<Launch[]>
  container(instance: Pick<Instance, 'ports' | 'settings'>): Container
  url(ports: Instance['ports']): string
  /** True only when a client would be served. Never throws. */
  ready(instance: Pick<Instance, 'ports'>): Promise<boolean>
  /** The signal that asks for an orderly end, and how many milliseconds that may take. */
  readonly goodbye: { readonly signal: NodeJS.Signals; readonly patience: number }
}

export function port(instance: Pick<Instance, 'ports'>, name: string): number {
  const found = instance.ports[name]
  if (found === undefined) throw new Error(`This server has no port '${name}'.`)
  return found
}
