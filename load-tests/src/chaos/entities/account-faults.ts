import { isDeepStrictEqual } from 'node:util'
import { indexSet } from '../../../../server/src/bus/entities/entity-name.ts'
import { ANSWERS_TOPIC } from '../../../../server/src/bus/index.ts'
import { keys } from '../../../../server/src/bus/keys.ts'
import type { Redis } from '../../../../server/src/bus/redis/connection.ts'
import {
  type CommandOutcome,
  decodeRecord,
  decodeTrailEntry,
  foldTrail,
  type TrailEntry,
} from '../../../../server/src/entities/index.ts'
import { entitiesOf } from '../../../../server/test/support/bus.ts'
import { readStoredEvents } from '../../support/stored-events.ts'
import config from '../chaos.config.ts'
import type { SentCommand } from './command-load.ts'
import { describe, isSame } from './outcome.ts'

const ACCOUNT = config.contract.entities.get('account')!
const SCAN_COUNT = 500

/** Differences between the final answers to clients and what is stored, in words. */
export async function findAccountFaults(
  redis: Redis,
  partitions: number,
  sent: readonly SentCommand[],
): Promise<string[]> {
  const found = await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const own = sent.filter((command) => command.partition === partition)
      const byKey = groupBy(own, ({ key }) => key)
      const trails = await Promise.all(
        [...byKey].map(([key, commands]) => trailFaults(redis, partition, key, commands)),
      )
      return [
        ...trails.flat(),
        ...(await indexFaults(redis, partition, new Set(byKey.keys()))),
        ...(await answerFaults(redis, partition)),
      ]
    }),
  )
  return found.flat()
}

async function trailFaults(
  redis: Redis,
  partition: number,
  key: string,
  commands: readonly SentCommand[],
): Promise<string[]> {
  const entities = entitiesOf(redis, partition)
  const trail = (await entities.trail('account', key, 0, Number.MAX_SAFE_INTEGER)).map(decodeTrailEntry)
  const faults = [...claimFaults(trail, commands), ...orderFaults(trail, commands)].map((fault) => `${key}: ${fault}`)
  const folded = foldTrail(ACCOUNT, key, trail)
  const text = (await entities.load('account', [key]))[0]?.record
  // Without events there is no record.
  const stored = text === undefined ? foldTrail(ACCOUNT, key, []) : decodeRecord(text)
  if (isDeepStrictEqual(stored, folded)) return faults
  return [...faults, `${key}: ${JSON.stringify(stored)} is stored, its trail gives ${JSON.stringify(folded)}`]
}

/** Every event belongs to the one command that was told of its version, and every version is there. */
function claimFaults(trail: readonly TrailEntry[], commands: readonly SentCommand[]): string[] {
  const claims = new Map<number, string>()
  const faults: string[] = []
  for (const { id, again } of commands) {
    if (again?.kind !== 'done') continue
    for (let version = again.version - again.events + 1; version <= again.version; version++) {
      if (claims.has(version)) faults.push(`${id} and ${claims.get(version)} were both told of version ${version}`)
      claims.set(version, id)
    }
  }
  for (const [i, { commandId }] of trail.entries()) {
    const claimedBy = claims.get(i + 1)
    if (claimedBy !== commandId)
      faults.push(`version ${i + 1} is an event of ${commandId}, ${claimedBy} was told of it`)
  }
  for (const [version, id] of claims) if (version > trail.length) faults.push(`${id}: version ${version} is lost`)
  return faults
}

/**
 * Events of one client's commands come in the order of its calls, but for those that had to be sent again. Times do not go
 * back.
 */
function orderFaults(trail: readonly TrailEntry[], commands: readonly SentCommand[]): string[] {
  const faults: string[] = []
  const placeOf = new Map(trail.map(({ commandId }, i) => [commandId, i]))
  for (const own of groupBy(commands, ({ client }) => client).values()) {
    let last = { place: -1, name: '' }
    for (const { id, isPipelined, calls, first, again } of own) {
      const place = placeOf.get(id)
      if (place === undefined || calls > 1 || !isSame(first!, again!)) continue
      const name = isPipelined ? `${id} (pipelined)` : id
      if (place < last.place) faults.push(`${name} stands before ${last.name}, which was sent earlier`)
      else last = { place, name }
    }
  }
  for (const [i, { time }] of trail.entries()) {
    if (time < (trail[i - 1]?.time ?? 0)) faults.push(`the time of version ${i + 1} is before that of the one before`)
  }
  return faults
}

/** The index holds what a scan of all entities gives, and there are no entities but those that got commands. */
async function indexFaults(redis: Redis, partition: number, known: ReadonlySet<string>): Promise<string[]> {
  const faults: string[] = []
  const expected: string[] = []
  const entities = entitiesOf(redis, partition)
  let cursor = '0'
  do {
    const page = await entities.scan('account', cursor, SCAN_COUNT)
    for (const { key, record } of page.entities) {
      if (!known.has(key)) faults.push(`${key}: nobody sent it a command`)
      const { label } = decodeRecord(record).indexed
      if (label !== undefined) expected.push(`${label}\0${key}`)
    }
    cursor = page.next
  } while (cursor !== '0')
  const stored = await redis.zrange(keys.owned(partition, indexSet('account', 'label')), '0', '-1')
  if (!isDeepStrictEqual(stored, [...new Set(expected)].sort())) {
    faults.push(
      `partition ${partition}: the index holds ${stored.length} entries, a scan gives ${expected.length} others`,
    )
  }
  return faults
}

/** However often a command was answered in the log under one epoch, it was the same answer. */
async function answerFaults(redis: Redis, partition: number): Promise<string[]> {
  const faults: string[] = []
  const first = new Map<string, string>()
  for (const { body } of await readStoredEvents(redis, partition, ANSWERS_TOPIC)) {
    const text = JSON.stringify(body.data as CommandOutcome)
    const name = `${body.id} ${(body.data as { epoch?: string }).epoch}`
    if ((first.get(name) ?? text) !== text) faults.push(`${body.id} has two answers: ${first.get(name)} and ${text}`)
    first.set(name, text)
  }
  return faults
}

/** Commands that were not told the same each time, in words, and how many of them Redis may have lost. */
export function findOutcomeFaults(
  sent: readonly SentCommand[],
  mayLose: boolean,
): { readonly faults: string[]; readonly lostWithinGuarantee: number } {
  const faults: string[] = []
  let lostWithinGuarantee = 0
  for (const { id, first, again } of sent) {
    if (first === undefined || again === undefined || first.kind === 'none' || again.kind === 'none') {
      const told = [first, again].map((outcome) => (outcome === undefined ? 'nothing' : describe(outcome)))
      faults.push(`${id} has no outcome: ${told.join(', then ')}`)
      continue
    }
    if (isSame(first, again)) continue
    if (mayLose && first.epoch !== again.epoch) lostWithinGuarantee++
    else faults.push(`${id} has two outcomes: ${describe(first)}, then ${describe(again)}`)
  }
  return { faults, lostWithinGuarantee }
}

function groupBy<Item, Group>(items: readonly Item[], groupOf: (item: Item) => Group): Map<Group, Item[]> {
  const groups = new Map<Group, Item[]>()
  for (const item of items) {
    const group = groups.get(groupOf(item))
    if (group === undefined) groups.set(groupOf(item), [item])
    else group.push(item)
  }
  return groups
}
