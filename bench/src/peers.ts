import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../peers/', import.meta.url))

/**
 * Installs the peers that we measure ourselves against, in a folder with a lock file of its own: nobody who only installs the project pays for
 * them. One of them is native and is compiled, for a minute or two, the first time.
 */
export function installPeers(say: (line: string) => void): void {
  if (!installed()) {
    say('Installing the peers (bench/peers), the first time.')
    // `ci` refuses a lock file that lacks the native parts of other platforms, and npm leaves those out when it writes one.
    npm(say, 'install', '--no-save')
  }
  if (!existsSync(nativeSqlite)) {
    say('Compiling sqlite3, the driver that Emmett uses; this takes some minutes, once.')
    // The Node that runs has its headers beside it, so that nothing need be fetched for them.
    const home = dirname(dirname(process.execPath))
    const headers = existsSync(join(home, 'include', 'node', 'node_api.h')) ? [`--nodedir=${home}`] : []
    npm(say, 'rebuild', 'sqlite3', '--ignore-scripts=false', '--build-from-source', ...headers)
  }
}

/** Why a package cannot be used; undefined where it can. */
export function missingPeer(name: string): string | undefined {
  if (!existsSync(join(folder, 'node_modules', name, 'package.json'))) return `${name} is not installed in bench/peers`
  if (name === 'sqlite3' && !existsSync(nativeSqlite)) return 'sqlite3 could not be compiled here'
  return undefined
}

const nativeSqlite = join(folder, 'node_modules', 'sqlite3', 'build', 'Release', 'node_sqlite3.node')

function installed(): boolean {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  return Object.entries(dependencies).every(([name, version]) => {
    const manifest = join(folder, 'node_modules', name, 'package.json')
    return (
      existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === version
    )
  })
}

function npm(say: (line: string) => void, ...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync('npm', [...args, '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status === 0) return
  say(
    `npm ${args[0]} failed, so some peers will be missing: ${error?.message ?? `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n')}`,
  )
}
