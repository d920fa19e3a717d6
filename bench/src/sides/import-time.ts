import type { Side, SideHost } from '../harness/side.ts'

/** How long the first import of a package takes, in milliseconds. Option `package`. */
export async function open({ options }: SideHost): Promise<Side> {
  const name = String(options.package)
  return {
    seen: () => 0,
    async measure() {
      const began = performance.now()
      await import(name)
      return performance.now() - began
    },
  }
}
