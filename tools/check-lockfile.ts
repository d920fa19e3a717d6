import { readJson } from './project-files.ts'
import { type Check, type Report, runAlone } from './report.ts'
import { type Manifest, type Workspace, workspacesOf } from './workspaces.ts'

interface Locked {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  optionalDependencies?: Record<string, string>
}

interface LockFile {
  packages: Record<string, Locked>
}

const exact = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/

/**
 * The same bytes on every machine: exact versions, a lock file that knows each package by its hash and names
 * no registry host, so that it works behind any mirror.
 */
export const checkLockFile: Check = {
  name: 'lock file',
  run(root): Report {
    const workspaces = workspacesOf(root)
    const lock = readJson<LockFile>(root, 'package-lock.json')
    return {
      problems: [...workspaces.flatMap((one) => loosePins(one, workspaces)), ...unsafeEntries(lock)],
      warnings: [],
    }
  },
}

/** Peers may be ranges: they are what the user brings. Our own packages carry one version. */
function loosePins({ folder, manifest }: Workspace, workspaces: Workspace[]): string[] {
  const versions = new Map(workspaces.map((one) => [one.manifest.name, one.manifest.version]))
  const problems: string[] = []
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const) {
    for (const [name, version] of Object.entries(manifest[kind] ?? ({} satisfies Manifest))) {
      const where = `${folder === '' ? '' : `${folder}/`}package.json: ${kind} '${name}'`
      const own = versions.get(name)
      if (own !== undefined && version !== own) problems.push(`${where} must be "${own}", as that package says`)
      else if (kind !== 'peerDependencies' && !exact.test(version))
        problems.push(`${where} must be pinned, not "${version}"`)
    }
  }
  return problems
}

function unsafeEntries({ packages }: LockFile): string[] {
  const problems: string[] = []
  // npm install passes over optional packages that the registry lacks (another platform's binary); npm ci does not.
  const known = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)))
  for (const [path, { version, resolved, integrity, link, optionalDependencies = {} }] of Object.entries(packages)) {
    if (resolved !== undefined && /^[a-z+]+:/.test(resolved)) {
      problems.push(`package-lock.json: '${path}' names a host (${resolved}); npm install with the repository's .npmrc`)
    }
    for (const name of Object.keys(optionalDependencies)) {
      if (known.has(name)) continue
      problems.push(
        `package-lock.json: '${name}', optional for '${path}', is missing: npm ci would refuse; pin a version that is whole`,
      )
    }
    if (path.includes('node_modules/') && !link && (version === undefined || integrity === undefined)) {
      problems.push(`package-lock.json: '${path}' has no ${version === undefined ? 'version' : 'integrity'}`)
    }
  }
  return problems
}

if (import.meta.main) await runAlone(checkLockFile)
