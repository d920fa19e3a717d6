import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type Meter, TidingsError } from 'tidings'

import { metricName } from './metric-name.ts'

type Labels = Readonly<Record<string, string>>

export interface PrometheusOptions {
  /** Where the metrics live. Default: a registry of their own, so that nothing else in the process can clash with it. */
  readonly registry?: Registry
  /** Labels of everything this meter counts, such as `{ service: 'auth' }`. Default: none. */
  readonly labels?: Labels
  /** Upper bounds of the buckets of histograms of seconds. Default: OpenTelemetry's advice, 5 ms to 10 s. */
  readonly secondsBuckets?: readonly number[]
  /** Upper bounds of the buckets of all other histograms: counts and bytes. Default: 1, 2, 5, 10 … up to 1,000,000. */
  readonly countBuckets?: readonly number[]
  /** What a metric means, by the name that was asked for; shown as its HELP line. Default: the name itself. */
  readonly help?: Readonly<Record<string, string>>
}

/** A meter that Prometheus can scrape. */
export interface PrometheusMeter extends Meter {
  /** The same metrics with further labels on all that is asked for through the answer, for several buses of one process. */
  with(labels: Labels): PrometheusMeter
  /** Everything counted so far, in Prometheus' text format. A gauge whose reader throws, or answers NaN, is left out. */
  text(): Promise<string>
  readonly contentType: string
  readonly registry: Registry
}

/** Advice of OpenTelemetry's messaging conventions for durations. */
const secondsDefault = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const countDefault = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000]

interface Reader {
  readonly labels: Labels
  readonly read: () => number
}

/** What the meters of one registry share. */
interface Shared {
  readonly registry: Registry
  readonly options: PrometheusOptions
  readonly kinds: Map<string, { readonly kind: string; readonly labelNames: string }>
  readonly readers: Map<string, Map<string, Reader>>
}

/**
 * Counts into prom-client. Names follow OpenTelemetry (`metricName`). Label children are made when an instrument is asked for, so counting
 * costs no look-up. Throws `TIDINGS_INVALID_OPTION` where a name is asked for as two kinds, or with different sets of labels.
 */
export function prometheusMeter(options: PrometheusOptions = {}): PrometheusMeter {
  return meterOf(
    { registry: options.registry ?? new Registry(), options, kinds: new Map(), readers: new Map() },
    options.labels ?? {},
  )
}

function meterOf(shared: Shared, base: Labels): PrometheusMeter {
  const { registry, options } = shared
  const find = <T>(name: string, make: (labelNames: readonly string[]) => T, labels: Labels): T =>
    (registry.getSingleMetric(name) as T | undefined) ?? make(Object.keys(labels))

  return {
    registry,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    with: (labels) => meterOf(shared, { ...base, ...labels }),
    counter(name, own = {}) {
      const labels = { ...base, ...own }
      const known = metricName(name, 'counter')
      agree(shared, known, 'counter', labels)
      const child = find(
        known,
        (labelNames) => new Counter({ name: known, help: helpOf(options, name), labelNames, registers: [registry] }),
        labels,
      ).labels(labels)
      return { add: (by) => child.inc(by) }
    },
    gauge(name, read, own = {}) {
      const labels = { ...base, ...own }
      const known = metricName(name, 'gauge')
      agree(shared, known, 'gauge', labels)
      const readers = shared.readers.get(known) ?? new Map<string, Reader>()
      shared.readers.set(known, readers)
      readers.set(childOf(labels), { labels, read })
      find(known, (labelNames) => gaugeOf(registry, known, helpOf(options, name), labelNames, readers), labels)
    },
    histogram(name, own = {}) {
      const labels = { ...base, ...own }
      const known = metricName(name, 'histogram')
      agree(shared, known, 'histogram', labels)
      const buckets = known.endsWith('_seconds')
        ? (options.secondsBuckets ?? secondsDefault)
        : (options.countBuckets ?? countDefault)
      const make = (labelNames: readonly string[]): Histogram =>
        new Histogram({
          name: known,
          help: helpOf(options, name),
          labelNames,
          buckets: [...buckets],
          registers: [registry],
        })
      const child = find(known, make, labels).labels(labels)
      return { record: (value) => child.observe(value) }
    },
  }
}

function gaugeOf(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  readers: ReadonlyMap<string, Reader>,
): Gauge {
  return new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset()
      // A gauge without labels is set to 0 by its reset, which would be a lie where its reader fails.
      if (labelNames.length === 0) this.remove()
      for (const { labels, read } of readers.values()) {
        const value = attempt(read)
        if (!Number.isNaN(value)) this.set(labels, value)
      }
    },
  })
}

/** One text for one set of labels, in whatever order they were given. */
function childOf(labels: Labels): string {
  return JSON.stringify(
    Object.keys(labels)
      .toSorted()
      .map((name) => [name, labels[name]]),
  )
}

function attempt(read: () => number): number {
  try {
    return read()
  } catch {
    // What cannot be read must not take all other metrics down with it.
    return Number.NaN
  }
}

function helpOf({ help = {} }: PrometheusOptions, name: string): string {
  return help[name] ?? name
}

/** One name is one kind with one set of labels, else queries over it would mix what does not belong together. */
function agree({ kinds }: Shared, name: string, kind: string, labels: Labels): void {
  const labelNames = Object.keys(labels).toSorted().join(', ')
  const known = kinds.get(name)
  if (known === undefined) kinds.set(name, { kind, labelNames })
  else if (known.kind !== kind || known.labelNames !== labelNames) {
    throw new TidingsError(
      'TIDINGS_INVALID_OPTION',
      `Expected ${name} to be a ${known.kind} with the labels (${known.labelNames}) each time it is asked for, got a ${kind} with (${labelNames}).`,
      { details: { field: 'name', name } },
    )
  }
}
