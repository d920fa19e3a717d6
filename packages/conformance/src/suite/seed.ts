import { murmur2 } from 'tidings/spi'

const drawn = Math.floor(Math.random() * 0x7fff_ffff)

/**
 * The seed of a run: TIDINGS_CONFORMANCE_SEED, else a new one. It is printed with every run; the same seed gives the same
 * names, orders and volumes of chance, each case its own, whichever others run.
 */
export function seedFrom(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const named = env['TIDINGS_CONFORMANCE_SEED']
  if (named === undefined) return drawn
  const seed = Number(named)
  if (Number.isInteger(seed) && seed >= 0) return seed
  throw new Error(`Expected TIDINGS_CONFORMANCE_SEED to be a whole number, got ${JSON.stringify(named)}.`)
}

export function seedOfCase(seed: number, name: string): number {
  return (murmur2(Buffer.from(name)) ^ seed) >>> 0
}
