/** One value of a metric. */
export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[-+\d.eE]+)$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g

/** Reads Prometheus' text format. Throws for a line that is none of it. */
export function metricSamples(text: string): readonly MetricSample[] {
  const samples: MetricSample[] = []
  for (const one of text.split('\n')) {
    if (one === '' || one.startsWith('#')) continue
    const match = line.exec(one)
    if (match === null) throw new Error(`Not a sample: ${one}`)
    const [, name = '', labels = '', value = ''] = match
    samples.push({
      name,
      labels: Object.fromEntries([...labels.matchAll(label)].map(([, key, text]) => [key, text])),
      value: Number(value.replace('Inf', 'Infinity')),
    })
  }
  return samples
}
