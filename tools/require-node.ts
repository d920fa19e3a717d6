/**
 * The project runs on Node 24 and says so at once. A plain shell on a machine with an older Node would
 * otherwise fail much later, with an error about some missing built-in.
 */
export function requireNode(version: string = process.versions.node, wanted = 24): void {
  if (Number.parseInt(version, 10) === wanted) return
  throw new Error(
    `Tidings is tested on Node ${wanted}, this is Node ${version}. \`npm ci\` brings Node ${wanted} along: ` +
      'start through npm (`npm test`), or run `export PATH="$PWD/node_modules/.bin:$PATH"` first.',
  )
}
