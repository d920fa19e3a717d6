/** Like Promise.all, but waits for all of them also where one rejects, so that nothing of a case outlives it. */
export async function allEnd<T>(running: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(running)
  return Promise.all(running)
}
