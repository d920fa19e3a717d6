import { existsSync, globSync } from 'node:fs'
import { join, sep } from 'node:path'
import { readJson } from './project-files.ts'

export interface Manifest {
  name?: string
  version?: string
  private?: boolean
  workspaces?: string[]
  exports?: Record<string, Record<string, string> | string>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

export interface Workspace {
  /** Path from the root, with forward slashes; '' is the root itself. */
  folder: string
  manifest: Manifest
}

/** The root and every workspace that exists. */
export function workspacesOf(root: string): Workspace[] {
  const manifest = readJson<Manifest>(root, 'package.json')
  const folders = globSync(manifest.workspaces ?? [], { cwd: root })
    .map((folder) => folder.split(sep).join('/'))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .sort()
  return [
    { folder: '', manifest },
    ...folders.map((folder) => ({ folder, manifest: readJson<Manifest>(root, `${folder}/package.json`) })),
  ]
}
