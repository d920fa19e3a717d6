/** One at a time, all that is ready in one call: while a call is under way, the next one fills. Returns how to add one; it resolves with its call. */
export function coalesce<One>(send: (batch: readonly One[]) => Promise<unknown>): (one: One) => Promise<void> {
  let waiting: { readonly one: One; readonly settle: () => void; readonly fail: (error: unknown) => void }[] = []
  let flying = false
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        await send(batch.map(({ one }) => one))
        for (const { settle } of batch) settle()
      } catch (error) {
        for (const { fail } of batch) fail(error)
      }
    }
    flying = false
  }
  return (one) =>
    new Promise<void>((settle, fail) => {
      waiting.push({ one, settle, fail })
      if (flying) return
      flying = true
      queueMicrotask(() => void run())
    })
}
