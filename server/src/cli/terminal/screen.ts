import { setTimeout as pause } from 'node:timers/promises'
import { withoutSecrets } from '../../secrets.ts'

/** What every terminal shows, and what fits into a message to somebody else. */
const LEAST_WIDTH = 80
const WATCH_EVERY_MS = 2_000
/** Home, and everything behind what is written is cleared: without a flicker. */
const HOME = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_REST = '\u001b[J'
/** Exit code of a shell for a process that SIGINT ended. */
const INTERRUPTED = 130

export interface Shown {
  readonly lines: readonly string[]
  /** Exit code, if it is shown once. */
  readonly code: number
}

/** Characters of a line of standard output. */
export function screenWidth(): number {
  return Math.max(LEAST_WIDTH, process.stdout.columns ?? LEAST_WIDTH)
}

/**
 * Shows something once, or again and again until Ctrl-C. What cannot be read while it is watched is said in its place: it
 * may be back at the next look.
 *
 * @returns the exit code
 */
export async function watched(
  look: () => Promise<Shown>,
  { watch, json }: { readonly watch: boolean; readonly json: boolean },
): Promise<number> {
  if (!watch) {
    const { lines, code } = await look()
    process.stdout.write(`${lines.join('\n')}\n`)
    return code
  }
  const interrupt = new AbortController()
  process.once('SIGINT', () => interrupt.abort())
  const isScreen = process.stdout.isTTY && !json
  while (!interrupt.signal.aborted) {
    const lines = await look().then(
      (shown) => shown.lines,
      (error: Error) => {
        process.stderr.write(isScreen ? '' : `${withoutSecrets(error.message)}\n`)
        return isScreen ? [`${new Date().toISOString().slice(0, 19)}Z`, '', withoutSecrets(error.message)] : []
      },
    )
    write(lines, isScreen, json)
    await pause(WATCH_EVERY_MS, undefined, { signal: interrupt.signal }).catch(() => {})
  }
  return INTERRUPTED
}

function write(lines: readonly string[], isScreen: boolean, json: boolean): void {
  if (lines.length === 0) return
  if (!isScreen) process.stdout.write(`${lines.join('\n')}\n${json ? '' : '\n'}`)
  else process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_REST}`)
}
