import type { Command } from 'commander'
import { TidingsError } from 'tidings'

import type { Attach } from '../session.ts'

/** Scripts that teach a shell the commands and options. */
export const completionCommand: Attach = (parent, run) => {
  parent
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .description('Print a script that completes commands and options in your shell.')
    .addHelpText(
      'after',
      '\nExample:\n  source <(tidings completion bash)\n  tidings completion fish > ~/.config/fish/completions/tidings.fish\n',
    )
    .action(
      run(async (session, _options, [shell = '']) => {
        const script = scripts[shell]
        if (script === undefined)
          throw new TidingsError('TIDINGS_INVALID_OPTION', 'Expected the shell to be bash, zsh or fish.', {
            details: { field: 'shell' },
          })
        await session.out.raw(script(placesOf(parent, [])))
        return 0
      }),
    )
}

/** What may follow one command, by its words. */
interface Place {
  readonly path: readonly string[]
  readonly commands: readonly { readonly name: string; readonly says: string }[]
  readonly options: readonly { readonly long: string; readonly says: string }[]
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const commands = command.commands.map((one) => ({ name: one.name(), says: one.description() }))
  const help = command.createHelp()
  const options = [...help.visibleOptions(command), ...(path.length === 0 ? [] : globalsOf(command))]
    .filter(({ long }) => long !== undefined && long !== null)
    .map(({ long, description }) => ({ long: long as string, says: description }))
  return [{ path, commands, options }, ...command.commands.flatMap((one) => placesOf(one, [...path, one.name()]))]
}

function globalsOf(command: Command): Command['options'] {
  return command.parent === null ? [] : [...command.parent.options, ...globalsOf(command.parent)]
}

const scripts: Readonly<Record<string, (places: readonly Place[]) => string>> = { bash, zsh, fish }

function bash(places: readonly Place[]): string {
  // Longer paths first, so that `parked list` is not taken for `parked`.
  const cases = places
    .toSorted((a, b) => b.path.length - a.path.length)
    .map(({ path, commands, options }) => {
      const words = [...commands.map(({ name }) => name), ...new Set(options.map(({ long }) => long))].join(' ')
      return `    ${path.length === 0 ? '*' : `"${path.join(' ')} "*`}) words='${words}' ;;`
    })
  return `_tidings() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || path+="$word "
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tidings tidings
`
}

function zsh(places: readonly Place[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(places)}`
}

function fish(places: readonly Place[]): string {
  const lines = ['complete -c tidings -f -n __fish_use_subcommand']
  for (const { path, commands, options } of places) {
    const siblings = commands.map(({ name }) => name).join(' ')
    const here =
      path.length === 0
        ? '__fish_use_subcommand'
        : path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    for (const { name, says } of commands) {
      const condition = path.length === 0 ? here : `${here}; and not __fish_seen_subcommand_from ${siblings}`
      lines.push(`complete -c tidings -f -n '${condition}' -a ${name} -d ${quoted(says)}`)
    }
    for (const { long, says } of options)
      lines.push(`complete -c tidings -n '${here}' -l ${long.slice(2)} -d ${quoted(says)}`)
  }
  return `${lines.join('\n')}\n`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
