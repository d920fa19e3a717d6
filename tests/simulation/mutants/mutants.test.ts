import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { mutants } from './mutants.ts'

const library = join(import.meta.dirname, '../../../packages/tidings/src')

it.each(mutants.map(({ name, file, find }) => ({ name, file, find })))(
  '$name changes one place in the library',
  ({ file, find }) => {
    expect(readFileSync(join(library, file), 'utf8').split(find)).toHaveLength(2)
  },
)
