/**
 * What somebody threw, or an error that stands for it where it cannot be looked at: anything can be thrown, also objects whose getters throw and
 * errors whose message is no text, and none of them may bring down those who handle failures.
 */
export function soundError(thrown: unknown): unknown {
  if (thrown === null || (typeof thrown !== 'object' && typeof thrown !== 'function')) return thrown
  let message = 'The handler threw something that cannot be read'
  try {
    const { name, message: said, stack, code, permanent, unavailable, cause } = thrown as Record<string, unknown>
    // Reading them all once is the test; a `has` trap is one as well.
    void ['~tidings' in thrown, unavailable, cause]
    if (!(thrown instanceof Error)) {
      // oxlint-disable-next-line typescript/no-base-to-string -- whether it can be made text is the question
      String(thrown)
      return thrown
    }
    if (isText(name) && isText(said) && (stack === undefined || isText(stack))) return thrown
    message = isText(said) ? said : 'The handler threw an error whose message is no text'
    return Object.assign(new Error(message), {
      ...(isText(code) ? { code } : {}),
      ...(permanent === true ? { permanent } : {}),
    })
  } catch {
    return new Error(message)
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
