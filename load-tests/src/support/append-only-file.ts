import { readFile, truncate } from 'node:fs/promises'

/** One command as it lies in the file: where it begins and ends, and its words. */
interface LoggedCommand {
  readonly start: number
  readonly end: number
  readonly words: readonly string[]
}

/** Whole commands of an append-only file. */
function commandsOf(file: Buffer): LoggedCommand[] {
  const commands: LoggedCommand[] = []
  let at = 0
  const line = (): string | undefined => {
    const end = file.indexOf('\r\n', at)
    if (end < 0) return undefined
    const text = file.toString('latin1', at, end)
    at = end + 2
    return text
  }
  for (;;) {
    const start = at
    const count = line()
    if (count === undefined) return commands
    const words: string[] = []
    for (let i = 0; i < Number(count.slice(1)); i++) {
      const bytes = line()
      if (bytes === undefined) return commands
      words.push(file.toString('latin1', at, at + Number(bytes.slice(1))))
      at += Number(bytes.slice(1)) + 2
    }
    if (at > file.length) return commands
    commands.push({ start, end: at, words })
  }
}

/**
 * Cuts the file in the middle of a transaction, between its last event and its end: what a kill -9 inside a large write
 * leaves behind. Of those that begin at an offset or later and store events the largest one is taken.
 *
 * @returns whether there was one to tear
 */
export async function tearTransaction(path: string, from: number): Promise<boolean> {
  const cut = tornAt(commandsOf(await readFile(path)).filter(({ start }) => start >= from))
  if (cut !== undefined) await truncate(path, cut)
  return cut !== undefined
}

function tornAt(commands: readonly LoggedCommand[]): number | undefined {
  let torn: { readonly bytes: number; readonly cut: number } | undefined
  let start: number | undefined
  let next: LoggedCommand | undefined
  for (const [i, command] of commands.entries()) {
    const name = command.words[0]!.toUpperCase()
    if (name === 'MULTI') {
      start = command.start
      next = undefined
    } else if (name === 'XADD') next = commands[i + 1]
    else if (name === 'EXEC' && start !== undefined && next !== undefined) {
      const bytes = command.end - start
      if (torn === undefined || bytes > torn.bytes) torn = { bytes, cut: Math.floor((next.start + next.end) / 2) }
    }
  }
  return torn?.cut
}
