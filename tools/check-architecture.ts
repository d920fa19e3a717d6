import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix } from 'node:path'
import { type Import, importsOf } from './imports.ts'
import { isTest, projectFiles, readJson, readText, sources } from './project-files.ts'
import { type Check, type Report, runAlone } from './report.ts'
import { type Workspace, workspacesOf } from './workspaces.ts'

interface Architecture {
  library: {
    root: string
    /** Files that may import every room. */
    entries: string[]
    /** In order: a room imports itself and the rooms above it. */
    rooms: string[]
    /** Rooms that never import each other. */
    apart: string[]
  }
  places: Record<string, Place>
}

/** A top-level folder. `mayImport` lists places or package names. */
interface Place {
  mayImport: string[]
  /** By `import()` only. */
  mayLoad?: string[]
  /** The place of which only `contract/` may be imported. */
  contractOf?: string
  /** Default: as `mayImport`. */
  testsMayImport?: string[]
}

/** What tests ask for real servers. */
const realServers = 'tools/servers/index.ts'

interface Target {
  workspace: Workspace
  /** Path inside the workspace, or the subpath after the package's name. */
  inside: string
}

/** Who may import whom, as `architecture.json` says. Type imports count: they bind just as well. */
export const checkArchitecture: Check = {
  name: 'architecture',
  run(root): Report {
    const architecture = readJson<Architecture>(root, 'architecture.json')
    const workspaces = workspacesOf(root)
    const { library } = architecture
    const problems: string[] = [...unreferencedProjects(root, workspaces), ...dependencyCycles(workspaces)]
    for (const file of projectFiles(root, sources)) {
      problems.push(...misplaced(library, file))
      for (const one of importsOf(file, readText(root, file))) {
        const why = refusal(architecture, workspaces, file, one)
        if (why) problems.push(`${file}:${one.line} imports '${one.specifier}': ${why}`)
      }
    }
    return { problems, warnings: [] }
  },
}

function misplaced({ root, entries, rooms }: Architecture['library'], file: string): string[] {
  if (!file.startsWith(`${root}/`)) return []
  const [room, ...rest] = file.slice(root.length + 1).split('/') as [string, ...string[]]
  if (rest.length === 0) {
    return entries.includes(room) || isTest(room) ? [] : [`${file}: only ${entries.join(' and ')} live outside a room`]
  }
  return rooms.includes(room) ? [] : [`${file}: architecture.json has no room '${room}'`]
}

function refusal(architecture: Architecture, workspaces: Workspace[], file: string, one: Import): string | undefined {
  const { specifier } = one
  const { library } = architecture
  if (specifier.startsWith('node:')) return undefined
  if (builtinModules.includes(specifier)) return `write 'node:${specifier}'`
  const own = ownerOf(workspaces, file)
  const relative = specifier.startsWith('.')
  const path = relative ? posix.join(posix.dirname(file), specifier) : ''
  if (relative && !isTest(file) && isTest(path)) return 'a test is not for import'
  if (placeOf(path) === 'tools' && placeOf(file) !== 'tools' && file.includes('/'))
    return path === realServers && isForTests(file) ? undefined : 'nothing imports tools, but tests their servers'
  const target = relative ? within(workspaces, path) : byName(workspaces, specifier)
  if (!target) return undeclared(workspaces, own, file, specifier)
  if (target.workspace === own) return relative ? roomRefusal(library, file, path) : selfRefusal(file)
  if (relative && !isContract(architecture, file, target))
    return 'a relative import stays inside its package: use the package name'
  return (
    placeRefusal(architecture, file, target, one) ??
    (relative ? undefined : undeclared(workspaces, own, file, specifier))
  )
}

function isForTests(file: string): boolean {
  return isTest(file) || /(^|\/)tests\//.test(file)
}

function roomRefusal(library: Architecture['library'], file: string, path: string): string | undefined {
  if (!file.startsWith(`${library.root}/`) || isTest(file)) return undefined
  if (!path.startsWith(`${library.root}/`)) return 'the library imports nothing outside its sources'
  const [from, inRoom] = file.slice(library.root.length + 1).split('/') as [string, string?]
  if (inRoom === undefined) return undefined
  const [to, inTarget] = path.slice(library.root.length + 1).split('/') as [string, string?]
  if (inTarget === undefined) return 'rooms never import the entries'
  if (library.rooms.indexOf(to) > library.rooms.indexOf(from)) return `room '${from}' stands above room '${to}'`
  if (from !== to && library.apart.includes(from) && library.apart.includes(to))
    return 'features never import each other'
  return undefined
}

function selfRefusal(file: string): string | undefined {
  return isTest(file) ? undefined : 'a package does not import itself by name'
}

function placeRefusal(architecture: Architecture, file: string, target: Target, one: Import): string | undefined {
  const from = placeOf(file)
  const place = architecture.places[from]
  // Files at the root belong to the tools.
  if (!place) return file.includes('/') ? `architecture.json has no place '${from}'` : undefined
  const names = [placeOf(`${target.workspace.folder}/`), target.workspace.manifest.name ?? '']
  const allowed = (list: readonly string[] = []): boolean => list.some((item) => names.includes(item))
  if (allowed(place.mayImport) || (one.dynamic && allowed(place.mayLoad))) return undefined
  if (isTest(file) && allowed(place.testsMayImport)) return undefined
  if (isContract(architecture, file, target)) return undefined
  if (place.contractOf === names[0]) return `of another of the ${names[0]} only contract/ may be imported`
  if (from === names[0]) return `${from} never import each other`
  return allowed(place.mayLoad) ? `${from} load ${names[0]} by import() only` : `${from} may not import ${names[0]}`
}

function isContract({ places }: Architecture, file: string, { workspace, inside }: Target): boolean {
  const contractOf = places[placeOf(file)]?.contractOf
  return contractOf !== undefined && placeOf(`${workspace.folder}/`) === contractOf && /^contract(\/|$)/.test(inside)
}

function undeclared(workspaces: Workspace[], own: Workspace, file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('#')) return undefined
  const name = packageName(specifier)
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = own.manifest
  const declared = { ...dependencies, ...peerDependencies, ...optionalDependencies }
  // What belongs to the root is not published: its own devDependencies and all workspaces serve it.
  if (isTest(file) || own.manifest.private)
    Object.assign(declared, devDependencies, workspaces[0]?.manifest.devDependencies)
  if (own.folder === '') for (const { manifest } of workspaces) Object.assign(declared, { [manifest.name ?? '']: '' })
  return name in declared ? undefined : `'${name}' is not among the dependencies of ${own.manifest.name}`
}

function ownerOf(workspaces: Workspace[], file: string): Workspace {
  const owner = workspaces.find(({ folder }) => folder !== '' && file.startsWith(`${folder}/`))
  return owner ?? (workspaces[0] as Workspace)
}

function within(workspaces: Workspace[], path: string): Target {
  const workspace = ownerOf(workspaces, path)
  return { workspace, inside: workspace.folder === '' ? path : path.slice(workspace.folder.length + 1) }
}

function byName(workspaces: Workspace[], specifier: string): Target | undefined {
  const name = packageName(specifier)
  const workspace = workspaces.find(({ manifest }) => manifest.name === name)
  return workspace && { workspace, inside: specifier.slice(name.length + 1) }
}

function packageName(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function placeOf(file: string): string {
  return file.split('/', 1)[0] as string
}

/** `npm run build` builds only what the packages' list names, and tests see only what theirs lists; a forgotten project is never checked. */
function unreferencedProjects(root: string, workspaces: Workspace[]): string[] {
  const projects = workspaces.map(({ folder }) => folder).filter((folder) => folder !== '')
  return ['tsconfig.packages.json', 'tsconfig.tests.json'].flatMap((list) => {
    if (!existsSync(join(root, list))) return []
    const { references } = readJson<{ references: { path: string }[] }>(root, list)
    const listed = new Set(references.map(({ path }) => posix.normalize(path)))
    return projects
      .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')) && !listed.has(folder))
      .map((folder) => `${list}: add a reference to ${folder}, else it is never type-checked`)
  })
}

function dependencyCycles(workspaces: Workspace[]): string[] {
  const graph = new Map(workspaces.map(({ manifest }) => [manifest.name, Object.keys(manifest.dependencies ?? {})]))
  const done = new Set<string>()
  const problems: string[] = []
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) problems.push(`package.json files: ${[...path, name].join(' -> ')} is a circle`)
    if (done.has(name) || path.includes(name)) return
    for (const next of graph.get(name) ?? []) if (graph.has(next)) visit(next, [...path, name])
    done.add(name)
  }
  for (const name of graph.keys()) if (name !== undefined) visit(name, [])
  return problems
}

if (import.meta.main) await runAlone(checkArchitecture)
