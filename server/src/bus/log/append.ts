import type { AppendOptions } from '../calls/append-part.ts'
import type { AppendRequest } from '../calls/append-request.ts'
import type { SliceRun } from '../calls/slice-runs.ts'
import { BusFull, BusMismatch } from '../errors.ts'
import type { Channel } from '../nodes/channel.ts'
import type { Lineage } from './lineage.ts'

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

/** Implements `Log.append`. */
export async function append(
  channel: Channel,
  partition: number,
  request: AppendRequest,
  options: AppendOptions = {},
): Promise<AppendReply> {
  const { runs, reply } = await channel.append({ partition, request, options })
  switch (reply[0]) {
    case 'OK': {
      const [, epoch, verdicts, positions, lineage, refusals] = reply
      const refused = refusals === '' ? [] : refusals.split(' ')
      const words = positions.split(' ').map((entry, i) => ({
        verdict: VERDICTS[verdicts.charAt(i)]!,
        entry,
        refusedAtFirst: refusedOf(refused[i]),
      }))
      return { status: 'ok', epoch, lineage, slices: ofEach(request.slices, runs, words) }
    }
    case 'LINEAGE':
      return { status: 'lineage', stored: reply[1], current: reply[2], epoch: reply[3] }
    case 'FULL':
      throw new BusFull('the partition holds as many bytes as it may')
    case 'TYPE':
      throw new BusMismatch(`Redis key ${reply[1]} is not a stream. Is another application using this database?`)
  }
}

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
