/**
 * For clients that give one message at a time: what comes while a batch is handled is the next batch. Returns what to call for each message.
 *
 * @param done Called after each batch with its last message.
 */
export function gather<Message>(
  valueOf: (message: Message) => string,
  handle: (values: readonly string[]) => Promise<void>,
  done: (last: Message) => void,
): (message: Message) => void {
  let waiting: Message[] = []
  let busy = false
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      await handle(batch.map(valueOf))
      done(batch.at(-1) as Message)
    }
    busy = false
  }
  return (message) => {
    waiting.push(message)
    if (busy) return
    busy = true
    // Messages of one packet come in one turn.
    queueMicrotask(() => void run())
  }
}
