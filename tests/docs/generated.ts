import { capabilityRows } from './capability-rows.ts'
import { cliHelp } from './cli-tree.ts'
import { generatedParts } from './markdown.ts'
import { optionTable } from './option-table.ts'

/** What a generated part should say. The first word names the generator, the rest is its argument. */
export async function generate(says: string): Promise<string> {
  const [generator = '', argument = ''] = says.split(/ (.*)/s)
  if (generator === 'members') return optionTable(argument)
  if (generator === 'capabilities') return capabilityRows()
  if (generator === 'commands') return cliHelp()
  throw new Error(`Nothing generates '${says}'`)
}

/** The page with every generated part written anew. */
export async function withFreshParts(text: string): Promise<string> {
  const lines = text.split('\n')
  for (const { says, from, to } of generatedParts(text).toReversed()) {
    lines.splice(from, to - from - 1, '', ...(await generate(says)).split('\n'), '')
  }
  return lines.join('\n')
}
