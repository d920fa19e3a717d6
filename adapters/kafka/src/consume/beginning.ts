import type { Log, Offset, Sink } from 'tidings/spi'

import { invalidOption } from '../invalid-option.ts'
import type { Bounds } from './bounds.ts'
import type { DoneOffsets } from './done-offsets.ts'
import type { Fetcher } from './fetcher.ts'
import type { Term } from './term.ts'

export interface BeginningOptions {
  readonly sink: Pick<Sink, 'assigned'>
  readonly bounds: Bounds
  readonly fetcher: Fetcher
  readonly offsets: DoneOffsets
  readonly start: 'beginning' | 'end'
  readonly log: Log
  /** Whether the consumer still wants to begin anything. */
  readonly open: () => boolean
  /** The sink has been told of these. */
  readonly told: (terms: readonly Term[]) => void
  /** Waits before another try. */
  readonly pause: (failures: number) => Promise<void>
}

/** How terms begin: the sink is asked where, the broker where the sink knows nothing, and then they are read. */
export class Beginning {
  readonly #options: BeginningOptions

  constructor(options: BeginningOptions) {
    this.#options = options
  }

  /** Asks the sink until it answers, or nothing is left to begin. */
  async assign(terms: readonly Term[]): Promise<void> {
    const { sink, log, told, pause } = this.#options
    for (let failures = 0; ; failures++) {
      const wanted = this.#wanted(terms)
      if (wanted.length === 0) return
      try {
        const offsets = await sink.assigned(wanted.map(({ number }) => number))
        if (
          offsets.length !== wanted.length ||
          !offsets.every((offset) => Number.isSafeInteger(offset) && offset >= -1)
        )
          throw invalidOption('offsets', 'a whole number from 0, or -1, for each partition')
        told(wanted)
        const unknown: Term[] = []
        for (const [at, term] of wanted.entries()) {
          const offset = offsets[at] as Offset
          if (offset === -1) unknown.push(term)
          else this.#read(term, offset, offset)
        }
        if (unknown.length > 0) void this.#locate(unknown)
        return
      } catch (error) {
        log('warn', 'A consumer does not say where its partitions begin; asking again.', { error })
        await pause(failures)
      }
    }
  }

  /** Asks the broker where partitions begin of which the sink knows nothing. */
  async #locate(terms: readonly Term[]): Promise<void> {
    const { bounds, start, offsets, log, pause } = this.#options
    for (let failures = 0; ; failures++) {
      const wanted = this.#wanted(terms)
      if (wanted.length === 0) return
      try {
        const found = await bounds.locate(wanted)
        for (const term of wanted) {
          // Taken away meanwhile, it is somebody else's, who may be further by now.
          if (term.stage !== 'assigning') continue
          const offset = found.get(term.place) ?? 0
          // Who began at the end goes on from there, also when it comes back before anything has happened.
          if (start === 'end') offsets.done(term.place, offset)
          this.#read(term, offset, -1)
        }
        return
      } catch (error) {
        log('debug', 'Kafka does not say where partitions begin; asking again.', { error })
        await pause(failures)
      }
    }
  }

  #read(term: Term, offset: Offset, known: Offset): void {
    if (term.stage !== 'assigning' || !this.#options.open()) return
    term.stage = 'reading'
    const { place, topic, topicId, partition, number, sought } = term
    const from = { offset: sought ?? offset, known: sought ?? known }
    this.#options.fetcher.start({ place, topic, topicId, partition, number, ...from })
  }

  #wanted(terms: readonly Term[]): readonly Term[] {
    return this.#options.open() ? terms.filter(({ stage }) => stage === 'assigning') : []
  }
}
