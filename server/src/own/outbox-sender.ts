import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { isSampled, type TraceContext } from '@tidegate/protocol'
import {
  type AppendRequest,
  BusFull,
  BusUnavailable,
  COMMANDS_TOPIC,
  encodeEvent,
  type Log,
  type LogVersion,
  partitionOf,
  RecordBatchBuilder,
  traceMembers,
  type Verdict,
} from '../bus/index.ts'
import { type NumberedMessage, outboxProducer } from '../entities/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'

/** Messages of one append, and characters of their JSON, about. */
const MAX_COUNT = 256
const MAX_SIZE = 64 * 1_024
/** Pause after an append that was not accepted. */
const RETRY_MS = 100

export interface OutboxSenderOptions {
  readonly partition: number
  readonly partitions: number
  /** The version of the partition's log under which the messages were stored. */
  readonly version: LogVersion
  /** The logs of a partition, for appends. */
  readonly log: (partition: number) => Pick<Log, 'append'>
  readonly now: () => number
  /** Whether every target understands what may be sent. */
  readonly maySend: () => Promise<boolean>
  /** Notes an error that no code foresaw. Repeated ones are noted once in a while. */
  readonly report: ReportDefect
  /** The log of its target has it. */
  readonly onArrived: (sent: NumberedMessage) => void
  /** It can never arrive: what the target knows of this partition is not what it should be. */
  readonly onRefused: (sent: NumberedMessage, verdict: string) => void
  /** Redis is not the one that the messages were stored in, or may not be. */
  readonly onDoubt: () => void
}

/**
 * Brings the messages of a partition to the logs of commands they are for: one append under way for each target, in the order
 * of their numbers, until they are accepted. The number is the seq of the producer `~then:<partition>`. So a message that is
 * sent again, by this owner or the next, is a duplicate.
 */
export class OutboxSender {
  readonly #options: OutboxSenderOptions
  readonly #waiting = new Map<number, NumberedMessage[]>()
  readonly #closing = new AbortController()
  #lastNumber = 0

  constructor(options: OutboxSenderOptions) {
    this.#options = { ...options, report: withoutRepeats(options.report) }
    // Every target waits with it, which Node takes for a leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /** Takes messages that are stored with their cause, in order. Those that were taken before are passed over. */
  send(messages: readonly NumberedMessage[]): void {
    const idle = new Set<number>()
    for (const sent of messages) {
      if (sent.number <= this.#lastNumber) continue
      this.#lastNumber = sent.number
      const target = partitionOf(sent.message.key, this.#options.partitions)
      const waiting = this.#waiting.get(target)
      if (waiting !== undefined) waiting.push(sent)
      else {
        this.#waiting.set(target, [sent])
        idle.add(target)
      }
    }
    for (const target of idle) void this.#run(target, this.#waiting.get(target)!)
  }

  close(): void {
    this.#closing.abort()
  }

  async #run(target: number, queue: NumberedMessage[]): Promise<void> {
    const { signal } = this.#closing
    while (queue.length > 0 && !signal.aborted) {
      const sent = nextOf(queue)
      const verdicts = (await this.#options.maySend()) ? await this.#append(target, sent) : []
      if (signal.aborted) return
      const done = this.#settle(sent, verdicts)
      queue.splice(0, done)
      if (done === 0) await pause(RETRY_MS, undefined, { signal }).catch(() => {})
    }
    this.#waiting.delete(target)
  }

  /** @returns one verdict for each; none where it has to be tried again */
  async #append(target: number, sent: readonly NumberedMessage[]): Promise<readonly Verdict[]> {
    const { partition, version, log, now, report, onDoubt } = this.#options
    try {
      const request = requestOf(outboxProducer(partition), sent, now())
      const reply = await log(target).append(request, { proved: version.lineage })
      if (reply.status === 'ok') return reply.slices.map(({ verdict }) => verdict)
      onDoubt()
    } catch (error) {
      if (!(error instanceof BusUnavailable || error instanceof BusFull))
        report(`messages to partition ${target}`, error)
    }
    return []
  }

  /** @returns how many of them are done with */
  #settle(sent: readonly NumberedMessage[], verdicts: readonly Verdict[]): number {
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict === 'storage_full') return i
      if (verdict === 'new' || verdict === 'duplicate') this.#options.onArrived(sent[i]!)
      else this.#options.onRefused(sent[i]!, verdict)
    }
    return verdicts.length
  }
}

/** The oldest ones that go into one append. */
function nextOf(queue: readonly NumberedMessage[]): NumberedMessage[] {
  let size = 0
  const beyond = queue.findIndex(({ message }, i) => {
    size += JSON.stringify(message.body.input).length
    return i > 0 && (i >= MAX_COUNT || size > MAX_SIZE)
  })
  return queue.slice(0, beyond < 0 ? queue.length : beyond)
}

/** Each message is a slice of its own: however they are put together, each is recognised. */
function requestOf(producer: string, sent: readonly NumberedMessage[], time: number): AppendRequest {
  const builder = new RecordBatchBuilder()
  const slices = sent.map(({ number, message: { id, key, body, trace = NO_TRACE } }, lastIndex) => {
    const json = encodeEvent(id, key, time, undefined, JSON.stringify(body), traceMembers(trace))
    builder.addSlice([{ key, lane: 'high', time, json, isSampled: isSampled(trace) }])
    // Letters, digits and `-`.
    const checksum = body.checksum.replaceAll('_', '-')
    const identity = {
      producer,
      sequence: SEQUENCE,
      session: 1,
      seq: number,
      previous: '*',
      checksum,
      ageMs: 0,
    } as const
    return { batch: 0, lastIndex, identity }
  })
  return { batches: [{ topic: COMMANDS_TOPIC, ...builder.build() }], slices }
}

const NO_TRACE: Partial<TraceContext> = {}

/** Named, so that any older number is a duplicate. Numbers never begin anew. */
const SEQUENCE = '1'
