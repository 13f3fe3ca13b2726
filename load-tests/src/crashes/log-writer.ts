import { setTimeout as pause } from 'node:timers/promises'
import {
  type AppendReply,
  type AppendRequest,
  BusUnavailable,
  COMMANDS_TOPIC,
  encodeEvent,
  type KnownEntry,
  LineageProof,
  partitionOf,
  RecordBatchBuilder,
} from '../../../server/src/bus/index.ts'
import type { Redis } from '../../../server/src/bus/redis/connection.ts'
import { logOf } from '../../../server/test/support/bus.ts'
import type { Reading } from './reading.ts'
import { eventOf, type TallyCommand } from './tally-command.ts'

/** One frame of the writer, as it is sent again when Redis lost it. */
interface Frame {
  readonly seq: number
  readonly readings: readonly Reading[]
}

/** The writer's knowledge of a partition. */
interface Place {
  readonly proof: LineageProof
  newest: KnownEntry | undefined
  /** When it got something last. */
  writtenAt: number | undefined
  /** How far the clocks of its readings are ahead, ms. */
  aheadMs: number
  /** Epoch under which the frames were acknowledged last. */
  epoch: string | undefined
  /** Ids acknowledged under that epoch: they MUST be in the log while the epoch is the same. */
  acknowledged: string[]
  /** Of what was acknowledged, that of the last second. */
  kept: { readonly frame: Frame; readonly at: number }[]
}

const TOPIC = 'crash.reading'
/** Wait before an append that failed is sent again: short beside the time for which Redis is away. */
const RESEND_MS = 50
/** Shorter than an input must be quiet to be idle. */
const STALL_MS = 1_000
/**
 * Longer than any stall, and than readings are late: later readings are ahead of a watermark that advanced meanwhile.
 */
const JUMP_MS = 60_000

/** After a longer pause an input may have been idle, and earlier writes may be late in a way no recompute can know. */
const KEPT_MS = 1_000

/**
 * Appends readings as a gateway and the SDK do: a record batch per partition, each once, the proof that a restarted
 * Redis is the same, and what Redis lost of the last second again, before anything else. In a partition that got
 * nothing for a while the clocks jump ahead by a minute: how far its watermark moved on by itself, which no recompute
 * of the log can know, then makes no difference.
 */
export class LogWriter {
  /** Partitions that turned out to have lost the end of their log, each time counted. */
  lostTails = 0
  readonly #redis: Redis
  readonly #places: readonly Place[]
  #silent = { remainder: 0, until: 0 }
  #seq = 0

  constructor(redis: Redis, partitions: number) {
    this.#redis = redis
    this.#places = Array.from({ length: partitions }, (_, partition) => ({
      proof: new LineageProof(logOf(redis, partition, 'append')),
      newest: undefined,
      writtenAt: undefined,
      aheadMs: 0,
      epoch: undefined,
      acknowledged: [],
      kept: [],
    }))
  }

  /** Ids of a partition that were acknowledged under the epoch its log has now. */
  acknowledged(partition: number): readonly string[] {
    return this.#places[partition]!.acknowledged
  }

  /** Writes nothing to the even (0) or odd (1) partitions for a time: their readings do not exist. */
  silence(remainder: number, ms: number): void {
    this.#silent = { remainder, until: performance.now() + ms }
  }

  endSilence(): void {
    this.#silent = { remainder: 0, until: 0 }
  }

  /** Redis is about to end: recently acknowledged writes may have to be sent again, however long it is away. */
  keepRecent(): void {
    const now = performance.now()
    for (const place of this.#places) place.kept = place.kept.filter(({ at }) => now - at < KEPT_MS)
  }

  async write(readings: readonly Reading[]): Promise<void> {
    const byPartition = new Map<number, Reading[]>()
    for (const reading of readings) {
      const partition = partitionOf(reading.sensor, this.#places.length)
      if (this.#isSilent(partition)) continue
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), reading])
    }
    await Promise.all([...byPartition].map(([partition, own]) => this.#write(partition, own)))
  }

  /** Stores commands of one partition, each at least once: their ids tell who runs them what was stored twice. */
  async writeCommands(partition: number, commands: readonly TallyCommand[]): Promise<void> {
    const builder = new RecordBatchBuilder()
    builder.addSlice(commands.map(eventOf))
    const slices = [{ batch: 0, lastIndex: commands.length - 1, identity: undefined }]
    await this.#append(partition, { batches: [{ topic: COMMANDS_TOPIC, ...builder.build() }], slices })
  }

  #isSilent(partition: number): boolean {
    const { remainder, until } = this.#silent
    return partition % 2 === remainder && performance.now() < until
  }

  async #write(partition: number, readings: readonly Reading[]): Promise<void> {
    const place = this.#places[partition]!
    const aheadMs = catchUp(place)
    const frame = { seq: ++this.#seq, readings: readings.map((each) => ({ ...each, time: each.time + aheadMs })) }
    await this.#store(partition, frame)
    const now = performance.now()
    place.writtenAt = now
    place.kept = [...place.kept.filter(({ at }) => now - at < KEPT_MS), { frame, at: now }]
  }

  /** Appends until it is stored, and first what the log lost. */
  async #store(partition: number, frame: Frame): Promise<void> {
    const place = this.#places[partition]!
    for (;;) {
      const { verdict, entry, epoch } = await this.#append(partition, this.#requestOf(partition, frame))
      if (verdict === 'epoch_changed') {
        this.lostTails++
        Object.assign(place, { epoch, acknowledged: [] })
        for (const { frame: kept } of place.kept) await this.#store(partition, kept)
        continue
      }
      const [streamId] = entry.split('.') as [string]
      place.newest = { topic: TOPIC, epoch, streamId }
      place.epoch = epoch
      place.acknowledged.push(...frame.readings.map(({ id }) => id))
      return
    }
  }

  #requestOf(partition: number, { seq, readings }: Frame): AppendRequest {
    const { epoch } = this.#places[partition]!
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      readings.map(({ id, sensor, site, time, v }) => {
        const json = encodeEvent(id, sensor, time, undefined, JSON.stringify({ sensor, site, v }))
        return { key: sensor, lane: 'low', time, json }
      }),
    )
    const identity = { producer: 'crashes', session: 1, seq, previous: '*', epoch, checksum: 'c', ageMs: 0 } as const
    return {
      batches: [{ topic: TOPIC, ...builder.build() }],
      slices: [{ batch: 0, lastIndex: readings.length - 1, identity }],
    }
  }

  /** Until it is answered, and Redis has been proved to be the one that it was. */
  async #append(partition: number, request: AppendRequest) {
    const { proof, newest } = this.#places[partition]!
    for (;;) {
      try {
        const reply: AppendReply = await logOf(this.#redis, partition, 'append').append(request, {
          proved: proof.lineage,
        })
        if (reply.status === 'ok') {
          proof.accepted(reply.epoch, reply.lineage)
          return { ...reply.slices[0]!, epoch: reply.epoch }
        }
        await proof.settle(reply, newest === undefined ? [] : [newest])
      } catch (error) {
        if (!(error instanceof BusUnavailable)) throw error
        await pause(RESEND_MS)
      }
    }
  }
}

/** How far the clocks of a partition are ahead by now, ms. */
function catchUp(place: Place): number {
  const now = performance.now()
  if (now - (place.writtenAt ?? now) > STALL_MS) place.aheadMs += JUMP_MS
  return place.aheadMs
}
