import type { Stopwatch } from './stopwatch.ts'

/** What is aimed at: measuring ends once it is reached. */
const aim = 1.2
/**
 * What is asserted. Beside somebody there is a little more to do (his signs of life, what he takes in, his commits), and on a machine that others use, too,
 * a few per cent are chance; who had to wait for a sleeper would be slower by factors.
 */
export const bound = 1.5

/** Slices beside the neighbour in one round, and most rounds. */
const slices = 15
const rounds = 6

/**
 * How much longer the 99th percentile is beside a neighbour than alone. Slices of both follow each other in turn, alone, beside, alone, …, so that
 * whatever else this machine does strikes both: each slice beside is held against the two alone that surround it, and the median of these ratios
 * counts, so that a slice in which the machine did a lot counts no more than any other. Where it is above what is aimed at, another round is measured and
 * added to those before, up to six: chance evens out, and what really waits for a neighbour waits in all of them.
 */
export async function compare(name: string, alone: Stopwatch, beside: Stopwatch): Promise<number> {
  const apart: number[] = []
  const together: number[] = []
  const ratios: number[] = []
  for (let round = 1; ; round++) {
    let before = ninetyNinth(await alone.slice())
    apart.push(before)
    for (let slice = 0; slice < slices; slice++) {
      const between = ninetyNinth(await beside.slice())
      const after = ninetyNinth(await alone.slice())
      together.push(between)
      apart.push(after)
      ratios.push(between / Math.sqrt(before * after))
      before = after
    }
    const ratio = median(ratios)
    process.stdout.write(
      `${name}: p99 ${median(apart).toFixed(2)} ms alone, ${median(together).toFixed(2)} ms beside, ratio ${ratio.toFixed(2)} after ${ratios.length} slices\n`,
    )
    if (ratio <= aim || round === rounds) return ratio
  }
}

function ninetyNinth(taken: readonly number[]): number {
  return taken.toSorted((a, b) => a - b)[Math.ceil(taken.length * 0.99) - 1] as number
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number
}
