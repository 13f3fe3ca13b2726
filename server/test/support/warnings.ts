import { setImmediate as nextTurn } from 'node:timers/promises'

/** What Node warns of while something runs, by name. */
export async function warningsWhile(action: () => Promise<void>): Promise<string[]> {
  const names: string[] = []
  const note = ({ name }: Error) => names.push(name)
  process.on('warning', note)
  try {
    await action()
    await nextTurn()
  } finally {
    process.off('warning', note)
  }
  return names
}
