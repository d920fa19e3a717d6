import { z } from 'zod'

/** How every failure is answered (RFC 9457), for the OpenAPI document. */
export const problemSchema: z.ZodType<{
  type: string
  title: string
  status: number
  detail?: string | undefined
  code?: string | undefined
  errors?: { field: string; rule: string }[] | undefined
  correlationId?: string | undefined
}> = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), rule: z.string() })).optional(),
  correlationId: z.string().optional(),
})
