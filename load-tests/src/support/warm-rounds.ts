import { setTimeout as sleep } from 'node:timers/promises'
import { validRound } from './void-round.ts'

/** Of a load that one gateway and one worker share. */
const WARM_UP_MS = 3_000
/** Windows close meanwhile. */
const SETTLE_MS = 1_500
const IDLE_MS = 2_000
const TURNS = 3

/** A deployment with the publishers of a benchmark. */
export interface Published {
  /** Opens the producers, anew if they are open. */
  open(): Promise<unknown>
  publish(durationMs: number): Promise<unknown>
}

/** A deployment, and what is measured of it. */
export interface Subject<Rest, Round> {
  readonly running: Published
  atRest(): Promise<Rest>
  /** @throws VoidRound */
  measure(rest: Rest): Promise<Round>
  say(line: string): void
}

/** What was measured while a deployment was warm and had nothing to do, and its rounds after that. */
export interface Warm<Rest, Round> {
  readonly rest: Rest
  readonly rounds: readonly Round[]
}

/**
 * Rounds of warm deployments, in turn: a machine that becomes slower does so for all of them.
 *
 * @throws VoidRound where rounds with rejects or losses are too many
 */
export async function warmRounds<Rest, Round>(
  subjects: readonly Subject<Rest, Round>[],
  { warmUpMs = WARM_UP_MS, turns = TURNS } = {},
): Promise<readonly Warm<Rest, Round>[]> {
  const all: { subject: Subject<Rest, Round>; rest: Rest; rounds: Round[] }[] = []
  for (const subject of subjects) all.push({ subject, rest: await warmUp(subject, warmUpMs), rounds: [] })
  for (let turn = 0; turn < turns; turn++) {
    for (const { subject, rest, rounds } of all) rounds.push(await measured(subject, rest))
  }
  return all
}

async function warmUp<Rest>({ running, atRest }: Subject<Rest, unknown>, warmUpMs: number): Promise<Rest> {
  await running.open()
  await running.publish(warmUpMs)
  // A cold gateway may have refused a frame, which voids all that follow on its socket.
  await running.open()
  await sleep(SETTLE_MS)
  return atRest()
}

function measured<Rest, Round>(subject: Subject<Rest, Round>, rest: Rest): Promise<Round> {
  return validRound(
    () => subject.measure(rest),
    (reason) => {
      subject.say(`void round: ${reason}`)
      return subject.running.open()
    },
  )
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
