import type { FastifyPluginCallback } from 'fastify'
import { hidden } from './hidden.ts'

export interface MetricsOptions {
  /** What is answered, in Prometheus' text format. */
  readonly text: () => string | Promise<string>
  /** Default: that of Prometheus' text format 0.0.4. */
  readonly contentType?: string
}

/** `/metrics`, for Prometheus to scrape. */
export const metrics: FastifyPluginCallback<MetricsOptions> = (app, options, done) => {
  const { text, contentType = 'text/plain; version=0.0.4; charset=utf-8' } = options
  app.get('/metrics', hidden, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(contentType)
      .send(await text()),
  )
  done()
}
