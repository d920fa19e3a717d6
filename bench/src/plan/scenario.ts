/** How a side is fed. */
export type Load =
  /** One caller that awaits each publish. */
  | 'one'
  /** 256 callers, each awaiting its own publish. */
  | 'in-flight'
  /** The same with 16. */
  | 'sixteen'
  /** One caller that awaits batches of 100. */
  | 'batches'
  /** 500 events a second, each timed from its publish until it is handled. */
  | 'steady'
  /** A fresh process for each round that measures one thing by itself. */
  | 'footprint'

export type Group =
  | 'memory'
  | 'sqlite'
  | 'redis'
  | 'postgres'
  | 'kafka'
  | 'nats'
  | 'rabbitmq'
  | 'projections'
  | 'footprint'

export type Server = 'redis' | 'postgres' | 'kafka' | 'nats' | 'rabbitmq'

/** How long a run takes: for publishing, for a look, and for a guard against gross mistakes. */
export type Size = 'full' | 'quick' | 'smoke'

/** One of those that are compared. Each runs in a process of its own. */
export interface SideSpec {
  /** Unique in its scenario. */
  readonly name: string
  readonly label: string
  /** Which implementation; see `sides/registry.ts`. */
  readonly kind: string
  /** What the implementation is told, plain JSON. */
  readonly options?: Readonly<Record<string, string | number | boolean>>
  /** Packages of bench/peers it needs. */
  readonly peers?: readonly string[]
  /** Its part of the scenario's events, for sides that are much slower. Default 1. */
  readonly share?: number
  /** What a reader must know to compare: what it leaves out, what it does lazily. */
  readonly notes?: readonly string[]
}

/** What we want to reach. The figures judge themselves against it, in the output and in the docs. */
export type Target =
  /** Events a second. */
  | { readonly side: string; readonly rate: number }
  /** So many times the rate of another side. */
  | { readonly side: string; readonly to: string; readonly ratio: number }
  /** p50 and p99, or p50 alone, at most this many milliseconds, above those of another side where one is named. */
  | { readonly side: string; readonly to?: string; readonly latency: number; readonly of?: 'p50' }
  /** The footprint at most so much (of its unit), above that of another side where one is named. */
  | { readonly side: string; readonly to?: string; readonly most: number }

export interface Scenario {
  /** `group/what/load`. */
  readonly id: string
  readonly group: Group
  /** A server that its sides need; they are told its address as option `url`. */
  readonly server?: Server
  /** A database that they need beside it; they are told its address as option `postgres`. */
  readonly beside?: 'postgres'
  readonly title: string
  /** What is counted and when the clock stops, in a sentence. */
  readonly how: string
  readonly load: Load
  /** Unit of footprints. */
  readonly unit?: 'MB' | 'ms' | '%'
  /** All others are printed as a ratio to this side. */
  readonly reference: string
  readonly sides: readonly SideSpec[]
  /** Runs once before footprints and is not reported: it makes what the sides share. */
  readonly prepare?: SideSpec
  /** Events a round; rounds for footprints are fixed by `rounds`. */
  readonly events: Readonly<Record<Size, number>>
  /** Measured rounds. Before them goes one of warm-up, except where memory is measured. */
  readonly rounds: Readonly<Record<Size, number>>
  readonly targets: readonly Target[]
}

/** What one round yields. */
export interface Sample {
  readonly events: number
  readonly ms: number
  /** Processor time of the side's process, all its threads. */
  readonly cpuMs: number
  /** Of single awaited calls, in milliseconds. */
  readonly p50?: number
  readonly p99?: number
  /** Resident memory after the round. */
  readonly rssMb?: number
  /** Of footprints, in the scenario's unit. */
  readonly value?: number
}
