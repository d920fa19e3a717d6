import { milliseconds } from '../kernel/duration.ts'
import type { Counter } from '../kernel/meter.ts'
import type { Runtime } from '../kernel/runtime.ts'
import type { CommitResult, Placed, Store, Unit } from '../store/store.ts'
import type { Committer } from './committer.ts'
import { versionConflict } from './expected-version.ts'
import type { PublishOptions, PublishSettings } from './publish-options.ts'
import { repeatCommit } from './repeat-commit.ts'

export interface PublisherCommitsHost {
  readonly store: Store
  readonly committer: Committer
  readonly runtime: Runtime
  readonly settings: PublishSettings
  readonly failed: Counter
  /** These events are in the log. */
  committed(placed: readonly Placed[]): void
}

export type Committed = Extract<CommitResult, { status: 'committed' }>

/** A publisher's commits: they ask again while the store is away, within the deadline of their publish. */
export class PublisherCommits {
  readonly #host: PublisherCommitsHost

  constructor(host: PublisherCommitsHost) {
    this.#host = host
  }

  /** One event of nobody else's interest: `resultOf` runs in the very turn in which the commit is answered. */
  submit<Result>(
    unit: Unit,
    rank: number,
    options: PublishOptions,
    resultOf: (placed: Placed, repeated: boolean) => Result,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#host.committer.submit({
        unit,
        rank,
        limited: true,
        settled: (result, error) => {
          if (result?.status !== 'committed') {
            const late = result === undefined ? this.#again(unit, rank, options, error) : Promise.resolve(result)
            late
              .then((answer) => {
                const { events, repeated } = this.granted(answer)
                return resultOf(events[0] as Placed, repeated)
              })
              .then(resolve, reject)
            return
          }
          this.#host.committed(result.events)
          resolve(resultOf(result.events[0] as Placed, result.repeated))
        },
      })
    })
  }

  /** Whoever awaits it goes on in the turn in which others do whose units shared the commit, so that listeners hear in commit order. */
  attempt(unit: Unit, rank: number, options: PublishOptions): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#host.committer.submit({
        unit,
        rank,
        limited: true,
        settled: (result, error) => {
          if (result === undefined) {
            this.#again(unit, rank, options, error).then(resolve, reject)
            return
          }
          if (result.status === 'committed') this.#host.committed(result.events)
          resolve(result)
        },
      })
    })
  }

  /** What was committed; throws what the publisher is told of anything else. */
  granted(result: CommitResult, type?: string): Committed {
    if (result.status === 'committed') return result
    this.#host.failed.add(1)
    throw result.status === 'refused' ? result.error : versionConflict(result, type)
  }

  /** The way of a commit that gave no answer: asked again while the store is away, else told to the publisher. */
  async #again(unit: Unit, rank: number, options: PublishOptions, error: Error | undefined): Promise<CommitResult> {
    let answer: CommitResult
    try {
      answer = await repeatCommit(this.#host, unit, rank, deadlineOf(options), error)
    } catch (failure) {
      this.#host.failed.add(1)
      throw failure
    }
    if (answer.status !== 'committed') return answer
    this.#host.committed(answer.events)
    // The try whose answer was lost was ours. Where promises are kept, they tell what was heard; elsewhere nobody has heard it yet.
    return answer.repeated && this.#host.store.capabilities.durability === 'memory'
      ? { ...answer, repeated: false }
      : answer
  }
}

/** How long a publish may take, in milliseconds. */
export function deadlineOf(options: PublishOptions): number {
  return milliseconds(options.deadline ?? 30_000, 'deadline')
}
