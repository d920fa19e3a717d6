import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, type Report, runAlone } from './report.ts'
import { type Command, runCommand } from './run-command.ts'
import { type Manifest, type Workspace, workspacesOf } from './workspaces.ts'

/**
 * What users will install: every exported file exists, publint and are-the-types-wrong find nothing.
 * Both tools are lenient about a missing build, so that is looked at first.
 */
export const checkPackages: Check = {
  name: 'packages',
  async run(root): Promise<Report> {
    const published = workspacesOf(root).filter(({ folder, manifest }) => folder !== '' && !manifest.private)
    const missing = published.flatMap((one) => missingExports(root, one))
    if (missing.length > 0) return { problems: missing, warnings: [] }
    const problems: string[] = []
    for (const { folder } of published) {
      const commands: Command[] = [
        ['publint', 'run', folder, '--strict', '--pack', 'npm'],
        ['attw', '--pack', folder, '--profile', 'esm-only', '--no-emoji', '--no-color'],
      ]
      const results = await Promise.all(commands.map((command) => runCommand(command, root)))
      for (const { ok, output } of results) if (!ok) problems.push(`${folder}:\n${output}`)
    }
    return { problems, warnings: [] }
  },
}

export function missingExports(root: string, { folder, manifest }: Workspace): string[] {
  const entries = Object.entries(manifest.exports ?? ({} satisfies Manifest))
  if (entries.length === 0) return [`${folder}/package.json exports nothing`]
  return entries.flatMap(([entry, target]) => {
    const targets = typeof target === 'string' ? { default: target } : target
    const needed = entry === './package.json' ? ['default'] : ['source', 'types', 'default']
    return needed
      .filter((condition) => !existsSync(join(root, folder, targets[condition] ?? '?')))
      .map(
        (condition) =>
          `${folder}: '${entry}' leads to no ${condition} (${targets[condition] ?? 'not given'}); run npm run build`,
      )
  })
}

if (import.meta.main) await runAlone(checkPackages)
