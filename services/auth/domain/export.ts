/** How far an export has come. */
export interface Export {
  readonly stage: 'gathering' | 'sealing' | 'ready' | 'over'
  /** Who is asked. Fixed when the export begins. */
  readonly services: readonly string[]
  /** How many parts each service has said it sends, and which of them have come. */
  readonly parts: Readonly<Record<string, { readonly of: number; readonly come: readonly number[] }>>
}

export function exportOf(services: readonly string[]): Export {
  return { stage: 'gathering', services: [...services], parts: {} }
}

/** Most parts that one service may send. */
export const mostParts = 1_000

/** The export with one more part. The very same where it changes nothing: one that was there, of a service that was not asked, or that cannot be. */
export function withPart(
  state: Export,
  { service, part, parts }: { readonly service: string; readonly part: number; readonly parts: number },
): Export {
  const known = Object.hasOwn(state.parts, service) ? state.parts[service] : undefined
  const of = known?.of ?? parts
  const isOne = state.services.includes(service) && parts === of && of <= mostParts && part < of
  if (!isOne || known?.come.includes(part) === true) return state
  return { ...state, parts: { ...state.parts, [service]: { of, come: [...(known?.come ?? []), part] } } }
}

/** Services whose data is not whole. */
export function missingParts({ services, parts }: Export): readonly string[] {
  return services.filter((service) => {
    const known = Object.hasOwn(parts, service) ? parts[service] : undefined
    return known === undefined || known.come.length < known.of
  })
}
