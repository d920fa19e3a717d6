import type { FastifyInstance } from 'fastify'
import type { Meter } from 'tidings'

type Histogram = ReturnType<Meter['histogram']>

/** Measures requests by route, method and status, as OpenTelemetry's conventions for HTTP servers name them. */
export function measureRequests(app: FastifyInstance, meter: Meter): void {
  const known = new Map<string, Histogram>()
  app.addHook('onResponse', (request, reply, done) => {
    // By the route as it was declared, never by the path that was asked for: labels must be few.
    const route = request.routeOptions.url ?? 'none'
    const labels = {
      http_request_method: request.method,
      http_route: route,
      http_response_status_code: String(reply.statusCode),
    }
    const name = Object.values(labels).join(' ')
    let histogram = known.get(name)
    if (histogram === undefined) known.set(name, (histogram = meter.histogram('http.server.request.duration', labels)))
    histogram.record(reply.elapsedTime / 1_000)
    done()
  })
}
