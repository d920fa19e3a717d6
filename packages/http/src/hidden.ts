/** Options of a route that is for machines and people who operate, and so is left out of an OpenAPI document. */
export const hidden: { readonly schema: object } = { schema: { hide: true } }
