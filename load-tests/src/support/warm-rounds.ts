import { setTimeout as sleep } from 'node:timers/promises'
import { validRound } from './void-round.ts'

/** Of a load that one gateway and one worker share. */
const WARM_UP_MS = 3_000
/** Windows close meanwhile. */
const SETTLE_MS = 1_500
const IDLE_MS = 2_000
const ROUNDS = 3

/** A deployment with the publishers of a benchmark. */
export interface Published {
  /** Opens the producers, anew if they are open. */
  open(): Promise<unknown>
  publish(durationMs: number): Promise<unknown>
}

/**
 * Rounds of a deployment that is warm, and what was measured before them while it had nothing to do.
 *
 * @throws VoidRound where rounds with rejects or losses are too many
 */
export async function warmRounds<Rest, Round>(
  running: Published,
  atRest: () => Promise<Rest>,
  measure: (rest: Rest) => Promise<Round>,
  say: (line: string) => void,
  warmUpMs = WARM_UP_MS,
): Promise<{ readonly rest: Rest; readonly rounds: readonly Round[] }> {
  await running.open()
  await running.publish(warmUpMs)
  // A cold gateway may have refused a frame, which voids all that follow on its socket.
  await running.open()
  await sleep(SETTLE_MS)
  const rest = await atRest()
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const repeat = (reason: string) => {
      say(`void round: ${reason}`)
      return running.open()
    }
    rounds.push(await validRound(() => measure(rest), repeat))
  }
  return { rest, rounds }
}

/** Cores that processes use with nothing to do. @param cpuOf CPU seconds of each so far */
export async function idleCores<Name extends string>(
  cpuOf: () => Promise<Readonly<Record<Name, number>>>,
): Promise<Readonly<Record<Name, number>>> {
  const before = await cpuOf()
  await sleep(IDLE_MS)
  const after = await cpuOf()
  const cores = (Object.keys(after) as Name[]).map((name) => [name, ((after[name] - before[name]) * 1_000) / IDLE_MS])
  return Object.fromEntries(cores) as Record<Name, number>
}
