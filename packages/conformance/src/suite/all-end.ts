/** Like Promise.all, but waits for all of them also where one rejects, so that nothing of a case outlives it. */
export async function allEnd<T extends readonly Promise<unknown>[]>(
  running: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(running)
  return Promise.all(running)
}
