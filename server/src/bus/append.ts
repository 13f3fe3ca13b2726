import type { AppendRequest } from './append-request.ts'
import type { Channel } from './channel.ts'
import { BusFull, BusMismatch } from './errors.ts'
import { escapeLine } from './escape-line.ts'
import { keys } from './keys.ts'
import type { Lineage } from './lineage.ts'
import { confirmedBy, replicated } from './replicas.ts'
import { loadScript, runScript, type Script } from './script.ts'
import { type SliceRun, singly, sliceRuns } from './slice-runs.ts'

/** How long producer state is remembered while there is room for it. An older retry is answered `unknown`. */
export const PRODUCER_MEMORY_MS = 24 * 60 * 60 * 1_000
/**
 * New producers that one generation of a partition's states may hold. With as many known ones and two generations that
 * is about 65 MB of Redis, or 1 GB if producers have no named sequence and each sends many frames.
 */
export const MAX_PRODUCERS = 100_000

export const APPEND_SCRIPT: Script = loadScript('append', { include: ['lineage'] })

export type Verdict =
  | 'new'
  | 'duplicate'
  | 'out_of_order'
  | 'fenced'
  | 'conflict'
  | 'unknown'
  | 'epoch_changed'
  | 'storage_full'

export interface AppendedSlice {
  readonly verdict: Verdict
  /**
   * For new and duplicate: `streamId.index` of the slice's last event (for an old duplicate, of a later one); `-` where
   * nothing was stored.
   */
  readonly entry: string
  /** For a duplicate: `refused` of its first attempt, '' for none. Absent if unknown. */
  readonly refusedAtFirst: string | undefined
}

export type AppendReply =
  | {
      readonly status: 'ok'
      readonly epoch: string
      readonly lineage: string
      readonly slices: readonly AppendedSlice[]
    }
  | ({ readonly status: 'lineage' } & Lineage)

const VERDICTS: Record<string, Verdict> = {
  N: 'new',
  D: 'duplicate',
  O: 'out_of_order',
  F: 'fenced',
  C: 'conflict',
  U: 'unknown',
  E: 'epoch_changed',
  S: 'storage_full',
}

export interface AppendOptions {
  /** Lineage that this process has proved; absent before the first proof. */
  readonly proved?: string
  /** Replicas that must have the append before it counts as stored. */
  readonly replicas?: number
  /** How long producers are remembered, and how many a generation may hold. */
  readonly producerMemoryMs?: number
  readonly maxProducers?: number
  /** Bytes of the partition above which nothing is stored; 0 for no limit. */
  readonly maxBytes?: number
}

/** Implements `Log.append`. */
export async function append(
  channel: Channel,
  partition: number,
  request: AppendRequest,
  options: AppendOptions = {},
): Promise<AppendReply> {
  const { proved = '', replicas = 0, maxBytes = 0 } = options
  const { producerMemoryMs = PRODUCER_MEMORY_MS, maxProducers = MAX_PRODUCERS } = options
  const scriptKeys = [
    keys.meta(partition),
    keys.producersCurrent(partition),
    keys.olderEntriesCurrent(partition),
    keys.producersPrevious(partition),
    keys.olderEntriesPrevious(partition),
    keys.absent(partition),
    ...request.batches.map((batch) => keys.log(partition, batch.topic)),
  ]
  const batches = request.batches.flatMap(({ header, payload }) => [header, payload])
  const { slices } = request
  const { runs, reply } = await channel.run(async (redis) => {
    const judge = async (runs: readonly SliceRun[]) => {
      const args = [producerMemoryMs, proved, asLines(slices, runs), maxProducers, maxBytes, ...batches]
      return { runs, reply: (await runScript(redis, APPEND_SCRIPT, scriptKeys, args)) as RawReply }
    }
    let judged = await judge(sliceRuns(slices))
    if (judged.reply[0] === 'SPLIT') judged = await judge(singly(slices))
    if (replicas > 0 && judged.reply[0] === 'OK') {
      // A duplicate may have come through another connection.
      if (judged.reply[2].includes('N')) await confirmedBy(redis, replicas)
      else await replicated(redis, partition, replicas)
    }
    return judged
  })
  switch (reply[0]) {
    case 'OK': {
      const [, epoch, verdicts, positions, lineage, refusals] = reply
      const refused = refusals === '' ? [] : refusals.split(' ')
      const words = positions.split(' ').map((entry, i) => ({
        verdict: VERDICTS[verdicts.charAt(i)]!,
        entry,
        refusedAtFirst: refusedOf(refused[i]),
      }))
      return { status: 'ok', epoch, lineage, slices: ofEach(slices, runs, words) }
    }
    case 'SPLIT':
      throw new Error('Redis was given single slices, and asks for single slices.')
    case 'LINEAGE':
      return { status: 'lineage', stored: reply[1], current: reply[2], epoch: reply[3] }
    case 'FULL':
      throw new BusFull('the partition holds as many bytes as it may')
    case 'TYPE':
      throw new BusMismatch(`Redis key ${reply[1]} is not a stream. Is another application using this database?`)
  }
}

type RawReply =
  | ['OK', epoch: string, verdicts: string, positions: string, lineage: string, refusals: string]
  | ['LINEAGE', stored: string, current: string, epoch: string]
  | ['TYPE', string]
  | ['FULL']
  | ['SPLIT']

/** What was judged of runs, for each of their slices. */
function ofEach(
  slices: AppendRequest['slices'],
  runs: readonly SliceRun[],
  judged: readonly AppendedSlice[],
): readonly AppendedSlice[] {
  if (runs.length === slices.length) return judged
  const each: AppendedSlice[] = new Array(slices.length)
  for (const [i, run] of runs.entries()) {
    const { verdict, entry, refusedAtFirst } = judged[i]!
    const before = entry.slice(0, entry.indexOf('.') + 1)
    for (const index of run) {
      each[index] =
        run.length === 1 ? judged[i]! : { verdict, entry: before + slices[index]!.lastIndex, refusedAtFirst }
    }
  }
  return each
}

function refusedOf(word = '-'): string | undefined {
  if (word === '-') return undefined
  return word === '.' ? '' : word
}

/** One argument for all runs: a separate argument for each field would cost the client more than the payload does. */
function asLines(slices: AppendRequest['slices'], runs: readonly SliceRun[]): string {
  let lines = ''
  for (const run of runs) {
    const { batch, identity: first, epoch: under } = slices[run[0]]!
    const { lastIndex, identity: last } = slices[run.at(-1)!]!
    if (first === undefined || last === undefined) {
      lines += `${batch + 1} 0 ${run.length === 1 ? '0' : '0+0'} * ${under ?? '*'} - 0 ${lastIndex} 0 - \n`
      continue
    }
    const { producer, sequence, session, previous, epoch, ageMs, refused } = first
    const seqs = run.length === 1 ? first.seq : `${first.seq}+${last.seq}`
    const content = `${last.checksum} ${ageMs ?? -1} ${lastIndex} ${sequence ?? 0} ${refused || '-'}`
    lines += `${batch + 1} ${session} ${seqs} ${previous} ${epoch ?? '*'} ${content} ${escapeLine(producer)}\n`
  }
  return lines
}
