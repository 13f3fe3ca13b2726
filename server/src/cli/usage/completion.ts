import type { Commands } from './command.ts'
import { COMPLETION_SCRIPTS, SHELLS } from './completion-scripts.ts'
import { parseArguments, UsageError } from './usage-error.ts'
import { usageWords } from './usage-words.ts'

export const usage = `tidegate completion bash
tidegate completion zsh
tidegate completion fish

Prints a script that completes commands, their actions and their options in a shell.

Examples:
  source <(tidegate completion bash)
  tidegate completion bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completion zsh > "\${fpath[1]}/_tidegate"
  tidegate completion fish > ~/.config/fish/completions/tidegate.fish
`

/** Resolves to the exit code. @throws UsageError */
export async function run(args: string[], commands: Commands): Promise<number> {
  const [name, ...more] = parseArguments(args, {}).positionals
  const shell = SHELLS.find((known) => known === name)
  if (shell === undefined || more.length > 0) throw new UsageError(`say one shell: ${SHELLS.join(', ')}`)
  const completed = await Promise.all(
    Object.entries(commands).map(async ([name, { summary, load }]) => ({
      name,
      summary,
      ...usageWords((await load()).usage),
    })),
  )
  process.stdout.write(COMPLETION_SCRIPTS[shell](completed))
  return 0
}
