/** Plainly the path of a database, without anything that could be a name or a password of a URL. */
const path = /^[^:@?#%\s]{1,200}\.(?:db|sqlite3?)$/i

/** How the URL begins for a path that stands in its place, as the end of a sentence; empty for everything else, which is not repeated. */
export function fileHint(url: string): string {
  if (!path.test(url)) return ''
  return `; for this file say \`sqlite:${/^\.{0,2}\//.test(url) ? '' : './'}${url}\``
}
