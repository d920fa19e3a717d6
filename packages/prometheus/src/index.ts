export { type MetricKind, type MetricUnit, metricName } from './metric-name.ts'
export { type PrometheusMeter, type PrometheusOptions, prometheusMeter } from './prometheus-meter.ts'
