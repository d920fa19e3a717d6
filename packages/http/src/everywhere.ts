/**
 * Marks a plugin as one whose hooks and decorators belong to whoever registers it, not to a scope of its own: what the package
 * `fastify-plugin` does.
 */
export function everywhere<Plugin extends object>(plugin: Plugin): Plugin {
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}
