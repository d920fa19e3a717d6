/** A bar on the terminal, or a line now and then where there is none. */
export function progressBar(total: number): { at(done: number, note: string): void; end(): void } {
  const { stderr } = process
  const began = performance.now()
  let last = 0
  return {
    at(done, note) {
      const now = performance.now()
      if (now - last < (stderr.isTTY ? 100 : 10_000) && done < total) return
      last = now
      const left = ((now - began) / Math.max(done, 1)) * (total - done)
      const filled = Math.round((done / total) * 30)
      const text = `${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${done}/${total} ${note} ${Math.ceil(left / 1_000)} s left`
      stderr.write(stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`)
    },
    end() {
      if (stderr.isTTY) stderr.write('\r\u001b[K')
    },
  }
}
