/** What `--help` says of every command. Loads them all. */
import { COMMANDS } from '../../server/src/cli/main.ts'

const USAGES = await Promise.all(
  Object.entries(COMMANDS).map(async ([name, { summary, load }]) => ({ name, summary, usage: (await load()).usage })),
)

export function commandsText(): string {
  return USAGES.map(({ name, summary, usage }) =>
    [
      `### \`tidegate ${name}\``,
      `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
      `\`\`\`text\n${usage.trimEnd()}\n\`\`\``,
    ].join('\n\n'),
  ).join('\n\n')
}
