import { TidingsError } from 'tidings'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** How a unit is written in a metric's name; empty for plain counts of things. */
export type MetricUnit = 'seconds' | 'bytes' | 'ratio' | ''

/**
 * The name of an instrument as Prometheus wants it, by OpenTelemetry's compatibility rule: what no name may hold becomes an underscore,
 * runs of underscores become one, the unit comes last but for `_total`, which counters carry. Neither is said twice.
 * Throws `TIDINGS_INVALID_OPTION` for a name without a letter or digit.
 */
export function metricName(name: string, kind: MetricKind, unit: MetricUnit = unitOf(name, kind)): string {
  const words = name
    .replaceAll(/[^a-zA-Z0-9_:]+/g, '_')
    .replaceAll(/_{2,}/g, '_')
    .replace(/^_+|_+$/g, '')
  if (words === '')
    throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected the name of a metric to hold a letter or a digit.', {
      details: { field: 'name' },
    })
  const counted = kind === 'counter' ? words.replace(/_total$/, '') : words
  const measured = unit === '' || counted.endsWith(`_${unit}`) ? counted : `${counted}_${unit}`
  const whole = kind === 'counter' ? `${measured}_total` : measured
  // A name must not begin with a digit.
  return /^\d/.test(whole) ? `_${whole}` : whole
}

/** The unit that a name of Tidings implies: durations are in seconds, sizes in bytes say so, utilization is a share of one. */
export function unitOf(name: string, kind: MetricKind): MetricUnit {
  if (/\.(duration|latency|delay)$/.test(name)) return 'seconds'
  if (/(^|\.)bytes$/.test(name)) return 'bytes'
  return kind === 'gauge' && name.endsWith('.utilization') ? 'ratio' : ''
}
