import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

const ignoredFolders = new Set(['node_modules', 'dist', 'coverage', '.git', '.servers', '.cache'])

/** All files of the project, as sorted paths with forward slashes. Needs no git, so that it works on a planted folder. */
export function projectFiles(root: string, wanted: RegExp = /./): string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!ignoredFolders.has(entry.name)) walk(path)
      } else if (entry.isFile()) {
        const file = relative(root, path).split(sep).join('/')
        if (wanted.test(file)) found.push(file)
      }
    }
  }
  walk(root)
  return found.sort()
}

/** TypeScript and JavaScript sources, tests included. */
export const sources = /\.(ts|tsx|mts|js|mjs)$/

export function isTest(file: string): boolean {
  return /\.test\.tsx?$/.test(file)
}

export function readText(root: string, file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Configuration may carry comments on lines of their own. */
export function readJson<T>(root: string, file: string): T {
  return JSON.parse(readText(root, file).replace(/^\s*\/\/.*$/gm, '')) as T
}
