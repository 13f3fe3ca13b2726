import { isReservedId } from '@tidegate/protocol'
import { ANSWERS_TOPIC, COMMANDS_TOPIC, type EventBody } from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import {
  type CommandBody,
  type CommandOutcome,
  decodeRecord,
  decodeTrailEntry,
} from '../../../server/src/entities/index.ts'
import { entitiesOf } from '../../../server/test/support/bus.ts'
import { accountForReactions } from '../support/shop/reaction-faults.ts'
import { type Fault, readBatches } from './results.ts'

/** What the commands of a partition's log must come to. */
interface Expected {
  /** Key -> ids of the commands that led to an event, in order, and the sum of what they counted. */
  readonly tallies: Map<string, { ids: string[]; sum: number }>
  /** Id -> code of its rejection, or `done`. */
  readonly outcomes: Map<string, string>
  /** Order -> the command that placed it. */
  readonly placed: Map<string, string>
  readonly commands: number
}

/** Differences between the stored tallies and those that follow from the commands in the log. */
export async function findTallyFaults(
  redis: Redis,
  partitions: number,
): Promise<{ readonly faults: readonly Fault[]; readonly commands: number; readonly reactions: number }> {
  const found = await Promise.all(Array.from({ length: partitions }, (_, p) => faultsOf(redis, p)))
  const placed = new Map(found.flatMap((of) => [...of.placed]))
  const { faults, reactions } = await accountForReactions(redis, partitions, placed)
  return {
    faults: [...found.flatMap((of) => of.faults), ...faults.map((what) => ({ kind: 'wrong', what }) as const)],
    commands: found.reduce((sum, { commands }) => sum + commands, 0),
    reactions,
  }
}

async function faultsOf(
  redis: Redis,
  partition: number,
): Promise<Pick<Expected, 'placed' | 'commands'> & { faults: Fault[] }> {
  const expected = recompute((await readBatches(redis, partition, COMMANDS_TOPIC)).flat())
  const answers = (await readBatches(redis, partition, ANSWERS_TOPIC)).flat()
  const faults = [...wrongAnswers(expected.outcomes, answers)]
  const entities = entitiesOf(redis, partition)
  for (const [key, { ids, sum }] of expected.tallies) {
    const trail = (await entities.trail('tally', key, 0, Number.MAX_SAFE_INTEGER)).map(decodeTrailEntry)
    const stored = trail.map(({ commandId }) => commandId)
    const lost = ids.filter((id) => !stored.includes(id))
    const doubled = stored.filter((id, i) => stored.indexOf(id) < i)
    faults.push(...lost.map((id) => ({ kind: 'lost', what: `tally ${key}: the event of ${id} is missing` }) as const))
    faults.push(...doubled.map((id) => ({ kind: 'doubled', what: `tally ${key}: ${id} led to two events` }) as const))
    if (lost.length === 0 && doubled.length === 0 && stored.join() !== ids.join()) {
      faults.push({ kind: 'wrong', what: `tally ${key}: its events are not in the order of the log` })
    }
    const [entity] = await entities.load('tally', [key])
    const record = entity?.record === undefined ? undefined : decodeRecord(entity.record)
    const [version, state] = [record?.version ?? 0, (record?.state as { sum?: number })?.sum ?? 0]
    if (version !== ids.length || state !== sum) {
      faults.push({ kind: 'wrong', what: `tally ${key}: ${state} at version ${version}, not ${sum} at ${ids.length}` })
    }
  }
  return { ...expected, faults }
}

function recompute(commands: readonly EventBody[]): Expected {
  const checksums = new Map<string, string>()
  const outcomes = new Map<string, string>()
  const tallies: Expected['tallies'] = new Map()
  const placed: Expected['placed'] = new Map()
  const sent = commands.filter(({ id }) => !isReservedId(id))
  for (const { id, key, data } of sent) {
    const { checksum, entity, input } = data as CommandBody
    if (checksums.has(id)) continue
    checksums.set(id, checksum)
    if (entity === 'order') {
      placed.set(key, id)
      outcomes.set(id, 'done')
      continue
    }
    const { v } = input as { v: number }
    outcomes.set(id, v > 8 ? 'too_much' : 'done')
    const tally = tallies.get(key) ?? { ids: [], sum: 0 }
    tallies.set(key, tally)
    if (v > 8) continue
    tally.ids.push(id)
    tally.sum += v
  }
  return { tallies, outcomes, placed, commands: sent.length }
}

/** Each command has its answer, however often; only another one under its id is told of a conflict. */
function wrongAnswers(outcomes: ReadonlyMap<string, string>, answers: readonly EventBody[]): Fault[] {
  const faults: Fault[] = []
  const answered = new Set<string>()
  const first = new Map<string, string>()
  for (const { id, data } of answers) {
    if (isReservedId(id)) continue
    const outcome = data as CommandOutcome
    const code = outcome.status === 'done' ? 'done' : outcome.code
    if (code === 'conflict') continue
    answered.add(id)
    const text = JSON.stringify(outcome)
    if (code !== outcomes.get(id)) faults.push({ kind: 'wrong', what: `command ${id}: answered ${code}` })
    if ((first.get(id) ?? text) !== text) faults.push({ kind: 'wrong', what: `command ${id}: has two answers` })
    first.set(id, text)
  }
  const missing = [...outcomes.keys()].filter((id) => !answered.has(id))
  return [...faults, ...missing.map((id) => ({ kind: 'lost', what: `command ${id}: has no answer` }) as const)]
}
