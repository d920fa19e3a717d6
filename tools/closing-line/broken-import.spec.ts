// @ts-expect-error There is no such file, on purpose.
import './is-not-there.ts'
