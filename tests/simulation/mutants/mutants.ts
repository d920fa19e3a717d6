/** A mistake that somebody could make in the library: in one file, some text in place of another. */
export interface Mutant {
  readonly name: string
  /** What would go wrong, for the table. */
  readonly mistake: string
  /** Below packages/tidings/src. */
  readonly file: string
  readonly find: string
  readonly put: string
  /** It takes many seeds to be noticed, so the quick hunt leaves it out. */
  readonly rare?: true
}

/** Each must be caught by some promise that the simulation watches. */
export const mutants: readonly Mutant[] = [
  {
    name: 'no-fence',
    mistake: 'commits do not expect the partition to be theirs',
    file: 'subscriber/settlement.ts',
    find: 'expect.push(partition.fence, partition.unchanged)',
    put: 'expect.push(partition.unchanged)',
  },
  {
    name: 'late-commit-twice',
    mistake: 'a commit without an answer is repeated although it may still arrive',
    file: 'subscriber/settlement.ts',
    find: 'expect.push(partition.fence, partition.unchanged)',
    put: 'expect.push(partition.fence)',
  },
  {
    name: 'mark-before-effect',
    mistake: 'the checkpoint is committed first, the effects after it',
    file: 'subscriber/settler.ts',
    find: 'this.#host.committer.submit({ unit: unitOf(batch), rank: 0, settled })',
    put: `const { append, statements, ...marks } = unitOf(batch)
    const effects = { ...(append === undefined ? {} : { append }), ...(statements === undefined ? {} : { statements }) }
    this.#host.committer.submit({
      unit: marks,
      rank: 0,
      settled: (result, error) => {
        if (result?.status === 'committed' && (append ?? statements) !== undefined) this.#host.committer.submit({ unit: effects, rank: 0, settled })
        else settled(result, error)
      },
    })`,
  },
  {
    name: 'highest-checkpoint',
    mistake: 'the checkpoint names the last event that was delivered, not the last below which all is done',
    file: 'subscriber/watermark.ts',
    find: 'const watermark = low ?? this.#scanned',
    put: 'const watermark = this.#scanned',
  },
  {
    name: 'successors-pass',
    mistake: 'the successors of a parked event are not parked',
    file: 'subscriber/parking.ts',
    find: "const blocking = settings.order !== 'none' && !passed && !(state === 'dead' && settings.onPoison === 'skip')",
    put: 'const blocking = false',
  },
  {
    name: 'lost-answer-applied',
    mistake: 'a commit without an answer counts as applied',
    file: 'subscriber/settler.ts',
    find: 'if (await this.#wasApplied(batch, error)) {',
    put: 'if (true as boolean) {',
  },
  {
    name: 'lost-answer-not-applied',
    mistake: 'a commit without an answer counts as not applied',
    file: 'subscriber/settler.ts',
    find: 'if (await this.#wasApplied(batch, error)) {',
    put: 'for (const { partition } of batch) partition.checkpointVersion = (JSON.parse(JSON.stringify((await this.#host.store.find(checkpointsCollection, { id: partition.id }))[0]?.version ?? 0)) as number)\n        if (false as boolean) {',
  },
  {
    name: 'lane-before-commit',
    mistake: 'the next event of a stream begins before the effects of the one before it are committed',
    file: 'subscriber/engine.ts',
    find: "    lane.state = 'settling'\n    this.#settler.add(new Handled(this.#settled, lane, item, work))",
    put: "    lane.drop()\n    lane.state = 'idle'\n    this.#settler.add(new Handled({ ...this.#settled, committed: () => {} }, lane, item, work))\n    this.#advance(lane)",
  },
  {
    name: 'away-counts',
    mistake: 'an attempt counts although its dependency could not be reached',
    file: 'subscriber/verdict.ts',
    find: "if (isUnavailable(error)) return { kind: 'unavailable' }",
    put: "if (isUnavailable(error)) return { kind: 'retry' }",
  },
  {
    name: 'early-reopening',
    mistake: 'a stream is open again when its first parked event is handled, although others are parked behind it',
    file: 'subscriber/engine.ts',
    find: '      lane.drop()\n      this.#credit.free(item)',
    put: '      lane.drop()\n      if (item.parked !== undefined) while (lane.parked.size > 0) lane.parked.shift()\n      this.#credit.free(item)',
  },
  {
    name: 'no-order-key',
    mistake: 'every event has a lane of its own',
    file: 'subscriber/lane-table.ts',
    find: "const key = this.#order === 'stream' ? stream : this.#order === 'all' ? '' : aside(partition, offset)",
    put: 'const key = aside(partition, offset)',
  },
  {
    name: 'no-withdrawal',
    mistake: 'an attempt that takes too long may still write',
    file: 'subscriber/runner.ts',
    find: '    running.attempt?.withdraw(error)\n    // The lane stays shut',
    put: '    // The lane stays shut',
  },
  {
    name: 'ids-stay-fresh',
    mistake: 'a publish that is repeated does not say that its ids may be known',
    file: 'publisher/repeat-commit.ts',
    find: 'return record.fresh === true ? { ...plainRecord(record), fresh: false } : record',
    put: 'return record',
  },
  {
    name: 'racing-duplicates',
    mistake: 'two publishes of one content do not see each other',
    file: 'publisher/content-mark.ts',
    find: 'expect: { collection: dedupCollection, id: mark, version: found?.version ?? 0 },',
    put: "expect: { collection: dedupCollection, id: 'nothing', version: 0 },",
  },
  {
    name: 'promise-ignored',
    mistake: 'the queue does not ask whether the publisher has run an inline listener',
    file: 'subscriber/runner.ts',
    find: 'else if (item.offset > this.#markedAfter) this.#askPromise(running)',
    put: 'else if (item.offset > this.#markedAfter && (false as boolean)) this.#askPromise(running)',
  },
  {
    name: 'inline-overtakes',
    mistake:
      'a publisher runs an inline listener whatever the queue or other publishers have still to do in its stream',
    file: 'subscriber/inline-turn.ts',
    find: 'return this.#look(stored)',
    put: "return 'done'",
  },
  {
    name: 'never-read-again',
    mistake: 'what a full partition was not given is not read again when there is room',
    file: 'subscriber/partitions.ts',
    find: 'this.#with.seek(state.partition, state.watermark.seen)',
    put: 'void state',
  },
  {
    name: 'stale-requests',
    mistake: 'a request is carried out although it was answered while it was being read',
    file: 'subscriber/requests.ts',
    find: 'const expect: Expectation[] = [{ collection: requestsCollection, id: document.id, version: document.version }]',
    put: 'const expect: Expectation[] = []',
    rare: true,
  },
  {
    name: 'unchecked-bytes',
    mistake: 'checksums are not compared',
    file: 'events/record-codec.ts',
    find: 'export function verifyChecksum(',
    put: 'export function verifyChecksum(_record: EventRecord): void {}\nexport function neverCalled(',
  },
]
