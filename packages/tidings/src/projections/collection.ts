/** What an index of documents holds of one: values to find it by. */
export type IndexOf<Value> = (value: Value) => Readonly<Record<string, string | number>>

/** A collection of documents of one projection: any JSON data, by id. */
export interface CollectionDefinition<Value> {
  readonly index: IndexOf<Value> | undefined
  /** Never there: it carries the type of what the collection holds. */
  readonly '~value'?: Value
}

/** Documents of a projection. `index` says by which values they are found beside their id; it must be pure. */
export function documents<Value>(options: { readonly index?: IndexOf<Value> } = {}): CollectionDefinition<Value> {
  return Object.freeze({ index: options.index })
}

/** A collection as a handler sees it. */
export interface WritableCollection<Value> {
  /** As it stands; undefined where there is none. */
  get(id: string): Promise<Value | undefined>
  /** Creates or replaces. `value`: JSON data. */
  put(id: string, value: Value): void
  /** Deleting what is not there is no failure. */
  delete(id: string): void
}

/** A collection as readers see it: always that of the live generation. */
export interface ReadableCollection<Value> {
  get(id: string): Promise<Value | undefined>
  find(query?: FindQuery): Promise<readonly Found<Value>[]>
}

export interface Found<Value> {
  readonly id: string
  readonly value: Value
}

export interface FindQuery {
  /** Documents that carry this index, in its order: all, those equal, or those up to a value. */
  readonly by?: { readonly index: string; readonly equal?: string | number; readonly upTo?: number }
  /** Ids that begin with this text. */
  readonly prefix?: string
  /** Ids after this one, in the order of ids; not together with `by`. */
  readonly after?: string
  /** Default 1,000. */
  readonly limit?: number
}
