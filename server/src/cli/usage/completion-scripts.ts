import type { UsageWords } from './usage-words.ts'

/** A command as a shell completes it. */
export interface CompletedCommand extends UsageWords {
  readonly name: string
  readonly summary: string
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** A script that teaches a shell the words of `tidegate`; where none fits, it offers files. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const actions = commands.filter((command) => command.actions.length > 0)
  const named = (name: string, words: readonly string[]) => `      ${name}) words='${words.join(' ')}' ;;`
  return `_tidegate() {
  local word=\${COMP_WORDS[COMP_CWORD]} words=''
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    words='${[...commands.map(({ name }) => name), '--help', '--version'].join(' ')}'
  elif [[ $word == -* ]]; then
    case \${COMP_WORDS[1]} in
${commands.map(({ name, options }) => named(name, [...options, '--help'])).join('\n')}
    esac
  elif (( COMP_CWORD == 2 )); then
    case \${COMP_WORDS[1]} in
${actions.map((command) => named(command.name, command.actions)).join('\n')}
    esac
  fi
  local match
  while IFS= read -r match; do COMPREPLY+=("$match"); done < <(compgen -W "$words" -- "$word")
}
complete -o default -F _tidegate tidegate
`
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, actions, options }) => {
    const second = actions.length === 0 ? '' : `(( CURRENT == 3 )) && compadd -- ${actions.join(' ')} && return; `
    return `    ${name}) ${second}[[ $PREFIX == -* ]] && compadd -- ${[...options, '--help'].join(' ')} ;;`
  })
  const described = commands.map(({ name, summary }) => `${quotedForShell(`${name}:${summary}`)}`)
  return `#compdef tidegate
_tidegate() {
  if (( CURRENT == 2 )); then
    local -a commands=(
      ${described.join('\n      ')}
    )
    _describe command commands
    [[ $PREFIX == -* ]] && compadd -- --help --version
    return
  fi
  case $words[2] in
${cases.join('\n')}
  esac
  [[ $PREFIX == -* ]] || _files
}
if [[ $funcstack[1] == _tidegate ]]; then _tidegate "$@"; else compdef _tidegate tidegate; fi
`
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const first = commands.map(
    ({ name, summary }) => `complete -c tidegate -f -n __fish_use_subcommand -a ${name} -d ${quotedForShell(summary)}`,
  )
  const others = commands.flatMap(({ name, actions, options }) => {
    const seen = `'__fish_seen_subcommand_from ${name}'`
    const isSecond = `'test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from ${name}'`
    return [
      ...actions.map((action) => `complete -c tidegate -f -n ${isSecond} -a ${action}`),
      ...[...options, '--help'].map((option) => `complete -c tidegate -n ${seen} -l ${option.slice(2)}`),
    ]
  })
  return `${[...first, ...others, 'complete -c tidegate -n __fish_use_subcommand -l help -l version'].join('\n')}\n`
}

function quotedForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
