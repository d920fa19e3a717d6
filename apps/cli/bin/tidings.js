#!/usr/bin/env node
// Plain JavaScript for any Node, so that an old one is told what it needs instead of failing at the first new word.
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 24 || (major === 24 && minor < 16)) {
  process.stderr.write(
    `tidings needs Node 24.16 or newer; this is ${process.version} (${process.execPath}).\n` +
      'In the checkout, which brings its own Node, run it as `npx tidings`.\n',
  )
  process.exitCode = 2
} else if (existsSync(new URL('../src/main.ts', import.meta.url)) && !import.meta.url.includes('/node_modules/')) {
  // Stripping types takes most of a second; what was stripped is kept beside what else the workshop keeps.
  nodeModule.enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/node-compile', import.meta.url)))
  // In the repository the sources run as they are; the condition `source` leads imports of the other packages to theirs.
  nodeModule.registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, { ...context, conditions: ['source', ...context.conditions] }),
  })
  await import('../src/main.ts')
} else {
  await import('../dist/main.js')
}
