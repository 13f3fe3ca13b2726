import { keys } from '../keys.ts'
import type { AppendRequest } from './append-request.ts'
import { escapeLine } from './escape-line.ts'
import type { SliceRun } from './slice-runs.ts'

/** How long producer state is remembered while there is room for it. An older retry is answered `unknown`. */
export const PRODUCER_MEMORY_MS = 24 * 60 * 60 * 1_000
/**
 * New producers that one generation of a partition's states may hold. With as many known ones and two generations that
 * is about 65 MB of Redis, or 1 GB if producers have no named sequence and each sends many frames.
 */
export const MAX_PRODUCERS = 100_000

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

/** What one partition is to store: its part of a call of the append script. */
export interface AppendPart {
  readonly partition: number
  readonly request: AppendRequest
  readonly options: AppendOptions
}

/** Adds what the script is given for a part whose slices are judged in these runs. */
export function addArguments(
  { partition, request, options }: AppendPart,
  runs: readonly SliceRun[],
  scriptKeys: string[],
  args: (string | number | Buffer)[],
): void {
  const { proved = '', maxBytes = 0 } = options
  const { producerMemoryMs = PRODUCER_MEMORY_MS, maxProducers = MAX_PRODUCERS } = options
  const { batches, slices } = request
  scriptKeys.push(
    keys.meta(partition),
    keys.producersCurrent(partition),
    keys.olderEntriesCurrent(partition),
    keys.producersPrevious(partition),
    keys.olderEntriesPrevious(partition),
    keys.absent(partition),
  )
  args.push(batches.length, producerMemoryMs, proved, asLines(slices, runs), maxProducers, maxBytes)
  for (const { topic, header, payload } of batches) {
    scriptKeys.push(keys.log(partition, topic))
    args.push(header, payload)
  }
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
