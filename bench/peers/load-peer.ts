/** Imports a package of this folder. It must live here: what is imported by name is looked for beside the file that asks. */
export function loadPeer(name: string): Promise<unknown> {
  return import(name)
}
