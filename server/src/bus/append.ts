import type { Redis } from './connection.ts'
import { BusMismatch, ReplicasMissing } from './errors.ts'
import { escapeLine } from './escape-line.ts'
import type { Guard } from './guard.ts'
import { keys } from './keys.ts'
import type { Lineage } from './lineage.ts'
import { loadScript, runScript, type Script } from './script.ts'

/** How long producer state is remembered at least: a retry older than this is answered `unknown`. */
export const PRODUCER_MEMORY_MS = 24 * 60 * 60 * 1_000

export const APPEND_SCRIPT: Script = loadScript('append', { include: ['lineage'] })

export type Verdict = 'new' | 'duplicate' | 'out_of_order' | 'fenced' | 'conflict' | 'unknown' | 'epoch_changed'

/** How long is waited for the replicas: less than the deadline of the call. */
const REPLICAS_WAIT_MS = 130

/** Identity of one slice for deduplication. Without a producer every slice is new. */
export interface SliceIdentity {
  readonly producer: string
  readonly session: number
  readonly seq: number
  /** The producer's seq before this one on the partition, or `*` for any. */
  readonly previous: number | '*'
  /** The epoch under which the producer was last acknowledged on the partition; absent for any. */
  readonly epoch?: string | undefined
  readonly checksum: string
  readonly ageMs: number
}

/** One call: per topic one batch; slices in the order their frames arrived. */
export interface AppendRequest {
  readonly batches: readonly { readonly topic: string; readonly header: string; readonly payload: Buffer }[]
  readonly slices: readonly {
    readonly batch: number
    /** Index of the slice's last event in its batch. */
    readonly lastIndex: number
    readonly identity: SliceIdentity | undefined
  }[]
}

export type AppendReply =
  | {
      readonly status: 'ok'
      readonly epoch: string
      readonly lineage: string
      /** Per slice: the verdict and, for new and duplicate, `streamId.index` of its last event (an old duplicate: of a later one). */
      readonly slices: readonly { readonly verdict: Verdict; readonly entry: string }[]
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
}

export interface AppendOptions {
  /** Lineage that this process has proved; absent for none yet. */
  readonly proved?: string
  /** Replicas that must have the append before it counts as stored. */
  readonly replicas?: number
}

/**
 * Stores one append of one partition. The caller MUST have at most one call per partition under way on a connection.
 *
 * @throws BusUnavailable, BusFull; BusMismatch when a log key holds something else than a stream.
 */
export async function append(
  redis: Redis,
  guard: Guard,
  partition: number,
  request: AppendRequest,
  { proved = '', replicas = 0 }: AppendOptions = {},
): Promise<AppendReply> {
  const scriptKeys = [
    keys.meta(partition),
    keys.producersCurrent(partition),
    keys.producersPrevious(partition),
    ...request.batches.map((batch) => keys.log(partition, batch.topic)),
  ]
  const args: (string | number | Buffer)[] = [PRODUCER_MEMORY_MS, proved, asLines(request.slices)]
  for (const batch of request.batches) args.push(batch.header, batch.payload)
  const reply = await guard.run(async () => {
    const answer = (await runScript(redis, APPEND_SCRIPT, scriptKeys, args)) as RawReply
    if (replicas > 0 && answer[0] === 'OK') await replicated(redis, partition, replicas, answer[2].includes('N'))
    return answer
  })
  switch (reply[0]) {
    case 'OK': {
      const [, epoch, verdicts, positions, lineage] = reply
      const slices = positions.split(' ').map((entry, i) => ({ verdict: VERDICTS[verdicts.charAt(i)]!, entry }))
      return { status: 'ok', epoch, lineage, slices }
    }
    case 'LINEAGE':
      return { status: 'lineage', stored: reply[1], current: reply[2], epoch: reply[3] }
    case 'TYPE':
      throw new BusMismatch(`Redis key ${reply[1]} is not a stream. Is another application using this database?`)
  }
}

type RawReply =
  | ['OK', epoch: string, verdicts: string, positions: string, lineage: string]
  | ['LINEAGE', stored: string, current: string, epoch: string]
  | ['TYPE', string]

/** Waits until replicas have what was stored. @throws when there are too few of them in time */
async function replicated(redis: Redis, partition: number, replicas: number, isNew: boolean): Promise<void> {
  // WAIT is about what this connection wrote: a duplicate may have come through another one.
  if (!isNew) await redis.hset(keys.meta(partition), 'confirmed', Date.now())
  const confirmed = await redis.wait(replicas, REPLICAS_WAIT_MS)
  if (confirmed < replicas)
    throw new ReplicasMissing(`${confirmed} of ${replicas} replicas confirmed it in ${REPLICAS_WAIT_MS} ms`)
}

/** One argument for all slices: as arguments of their own their nine fields cost the client more than the payload does. */
function asLines(slices: AppendRequest['slices']): string {
  let lines = ''
  for (const { batch, lastIndex, identity } of slices) {
    if (identity === undefined) lines += `${batch + 1} 0 0 * * - 0 ${lastIndex} \n`
    else {
      const { producer, session, seq, previous, epoch, checksum, ageMs } = identity
      const place = `${checksum} ${ageMs} ${lastIndex} ${escapeLine(producer)}`
      lines += `${batch + 1} ${session} ${seq} ${previous} ${epoch ?? '*'} ${place}\n`
    }
  }
  return lines
}
