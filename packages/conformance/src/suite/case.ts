/**
 * One thing that an adapter must do, as data: test runners execute it by name, and so does whoever wants to know which
 * promises a broken adapter breaks.
 */
export interface Case<World> {
  /** The promise it checks, one word. It stands in brackets before the title. */
  readonly promise: string
  readonly title: string
  readonly run: (world: World) => Promise<void>
}

/** Cases of one topic. Those of a capability exist twice: for who has it and for who has it not. */
export interface Topic<World> {
  readonly name: string
  /** The capability these cases speak of and the value the instance declares; undefined: everybody owes them. */
  readonly capability?: Ability
  readonly cases: readonly Case<World>[]
}

export interface Ability {
  readonly name: string
  /** As declared by the instance. */
  readonly value: string
  /** False where the cases check that the ability is refused or absent, as declared. */
  readonly has: boolean
}

export function caseName(one: { readonly promise: string; readonly title: string }): string {
  return `[${one.promise}] ${one.title}`
}

/** The topic of a capability: one list of cases for who has it, another for who has it not. */
export function choose<World>(
  name: string,
  value: string | boolean,
  has: boolean,
  yes: readonly Case<World>[],
  no: readonly Case<World>[],
): Topic<World> & { readonly capability: Ability } {
  const text = typeof value === 'string' ? value : value ? 'yes' : 'no'
  return { name: `${name}: ${text}`, capability: { name, value: text, has }, cases: has ? yes : no }
}
