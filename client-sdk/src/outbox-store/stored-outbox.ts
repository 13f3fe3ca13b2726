import { NEW_SEQUENCE } from '@tidegate/protocol'
import { callBack } from '../application/call-back.ts'
import type { PublishEvent } from '../application/contract-types.ts'
import type { TidegateError } from '../errors/errors.ts'
import type { PublishReceipt } from '../errors/publish-receipt.ts'
import type { Greeting, HelloMembers } from '../frames/part.ts'
import type { OutboxHost, OutboxStore, RestoredFrame } from '../publishing/outbox-store.ts'
import { type FrameBody, UNSTAMPED } from '../publishing/publish-frames.ts'
import { randomId } from '../random-id.ts'
import { storeError, storeFailure } from './errors.ts'
import type { RecordLog } from './record-log.ts'
import {
  apply,
  emptyState,
  type FrameRecord,
  nextRun,
  type OutboxRecord,
  type OutboxState,
  recordsOf,
} from './records.ts'

/** What became of events of an earlier run: a receipt if any of them was stored, otherwise the reason. */
export type RestoredOutcome = {
  readonly topic: string
  readonly events: readonly PublishEvent<unknown>[]
} & ({ readonly receipt: PublishReceipt } | { readonly error: TidegateError })

export interface StoreOptions {
  /**
   * Called for the events of earlier runs, a frame at a time, when their outcome is known. Without it, the client reports
   * those that were not stored as errors.
   */
  readonly onRestored?: ((outcome: RestoredOutcome) => void) | undefined
}

export const STORE_OPTIONS = { onRestored: 'a function' } as const

/** Records without a use are removed when there are more of them than this and than of the others. */
const MAX_WASTE_CHARS = 1_024 * 1_024
/** A disk that was full may have room again. */
const RETRY_MS = 1_000

/** An outbox store of records in a log. */
export class StoredOutbox implements OutboxStore {
  readonly #log: RecordLog
  readonly #onRestored: StoreOptions['onRestored']
  readonly #state: OutboxState
  #host: OutboxHost | undefined
  /** Newest frames that are being written. */
  #writing = 0
  /** The greeting of the present connection is not written yet. */
  #isGreeting = false
  /** Grows with every greeting and every loss of a connection. */
  #connection = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #logChars = 0
  #frameChars = 0
  #isClosed = false

  constructor(log: RecordLog, { onRestored }: StoreOptions = {}) {
    this.#log = log
    this.#onRestored = onRestored
    const state = emptyState()
    for (const line of log.lines) apply(state, JSON.parse(line) as OutboxRecord)
    this.#state = nextRun(state)
    this.#state.producer ??= randomId()
    for (const { json } of this.#state.frames.values()) this.#frameChars += json.length
  }

  /** MUST have returned, or resolved, before the store is used. @throws or rejects with TidegateError `store_failed` */
  begin(): void | Promise<void> {
    return this.#rewrite()
  }

  /** Frames without a final answer. */
  get size(): number {
    return this.#state.frames.size
  }

  get unwritten(): number {
    return this.#isGreeting ? Number.POSITIVE_INFINITY : this.#writing
  }

  use(host: OutboxHost, producer = this.#state.producer!): readonly RestoredFrame[] {
    if (this.#host !== undefined || this.#isClosed) throw storeError('store_in_use', 'The store has, or had, a client.')
    const { frames } = this.#state
    if (frames.size > 0 && producer !== this.#state.producer) {
      throw storeError('store_in_use', `The store has events of the producer "${this.#state.producer}".`)
    }
    this.#state.producer = producer
    this.#host = host
    const { damage } = this.#log
    // Later: whoever has opened the client listens then.
    if (damage !== undefined) queueMicrotask(() => host.report(storeError('store_damaged', damage)))
    return [...frames.values()].map((frame) => this.#restored(frame))
  }

  hello({ session, sequence = NEW_SEQUENCE }: Greeting): HelloMembers {
    const state = this.#state
    // Larger than that of an earlier run, whose clock may have been ahead.
    state.session = Math.max(session, state.session + 1)
    return {
      producer: state.producer!,
      session: state.session,
      sequence: sequence === NEW_SEQUENCE ? (state.sequence ?? sequence) : sequence,
    }
  }

  keep(bodies: readonly FrameBody[], time: number | undefined, failed: (error: TidegateError) => void): number {
    const first = this.#state.next
    const at = Date.now()
    const records = bodies.map(
      ({ topic, events, bytes, json, trace }, i): FrameRecord => ({
        kind: 'frame',
        seq: first + i,
        at,
        topic,
        events,
        bytes,
        json,
        trace,
        time,
      }),
    )
    const written = this.#append(records)
    for (const record of records) {
      apply(this.#state, record)
      this.#frameChars += record.json.length
    }
    if (written !== undefined) this.#await(records, written, failed)
    return first
  }

  time(seq: number): number {
    return this.#state.frames.get(seq)!.time!
  }

  greeted(sequence: string | undefined, aheadMs: number): void {
    const { producer, session } = this.#state
    const record: OutboxRecord = { kind: 'greeted', at: Date.now(), producer: producer!, sequence, session, aheadMs }
    apply(this.#state, record)
    this.#isGreeting = true
    this.#greet(record, ++this.#connection)
  }

  offline(): void {
    this.#connection++
    clearTimeout(this.#retry)
    this.#isGreeting = false
    if (this.#state.isOnline) this.#note({ kind: 'offline' })
  }

  settled(seq: number): void {
    const frame = this.#state.frames.get(seq)
    if (frame === undefined || this.#isClosed) return
    this.#frameChars -= frame.json.length
    this.#note({ kind: 'done', seq })
    if (this.#logChars > 2 * this.#frameChars + MAX_WASTE_CHARS) ignoringFailure(() => this.#rewrite())
  }

  /** Resolves when everything published before would survive a loss of power. */
  flush(): Promise<void> {
    return this.#log.flush()
  }

  /** The client closes its store with itself. What is in it stays for the next run. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#retry)
    this.#log.close()
  }

  #restored({ seq, at, sentAt, time, topic, json, bytes, events, trace }: FrameRecord): RestoredFrame {
    const now = Date.now()
    const tell = (outcome: { receipt: PublishReceipt } | { error: TidegateError }) => {
      // Closed, it is left to the next run.
      if (this.#isClosed) return
      const text = json.replaceAll(UNSTAMPED, String(time ?? at))
      const { events } = JSON.parse(`{${text}}`) as { events: PublishEvent<unknown>[] }
      if (this.#onRestored !== undefined) callBack(this.#onRestored, { topic, events, ...outcome })
      else if ('error' in outcome) this.#host!.report(outcome.error)
    }
    return {
      seq,
      body: { topic, json, bytes, events, trace },
      // A clock that was set back makes nothing younger than new.
      ageMs: Math.max(0, now - at),
      sentMsAgo: sentAt === undefined ? undefined : Math.max(0, now - sentAt),
      watch: (receipt) => {
        receipt.then(
          (receipt) => tell({ receipt }),
          (error) => tell({ error }),
        )
      },
    }
  }

  #await(records: readonly FrameRecord[], written: Promise<void>, failed: (error: TidegateError) => void): void {
    this.#writing += records.length
    written.then(
      () => {
        this.#writing -= records.length
        this.#host?.written()
      },
      (error: TidegateError) => {
        this.#writing -= records.length
        for (const { seq, json } of records) if (this.#state.frames.delete(seq)) this.#frameChars -= json.length
        failed(error)
        this.#host?.written()
      },
    )
  }

  /** Without the name of the sequence on disk nothing may be sent in it: the write is tried until it succeeds. */
  #greet(record: OutboxRecord, connection: number): void {
    const written = () => {
      if (connection !== this.#connection) return
      this.#isGreeting = false
      this.#host!.written()
    }
    const failed = (error: TidegateError) => {
      if (connection !== this.#connection || this.#isClosed) return
      this.#host!.report(error)
      this.#retry = setTimeout(() => this.#greet(record, connection), RETRY_MS)
    }
    try {
      const writing = this.#append([record])
      if (writing === undefined) written()
      else writing.then(written, failed)
    } catch (error) {
      failed(error as TidegateError)
    }
  }

  /** A record without which a frame is only sent again and recognised by the server. */
  #note(record: OutboxRecord): void {
    apply(this.#state, record)
    ignoringFailure(() => this.#append([record]))
  }

  #append(records: readonly OutboxRecord[]): void | Promise<void> {
    return this.#write(records, (lines) => this.#log.append(lines))
  }

  #rewrite(): void | Promise<void> {
    this.#logChars = 0
    return this.#write(recordsOf(this.#state), (lines) => this.#log.replace(lines))
  }

  #write(
    records: readonly OutboxRecord[],
    write: (lines: readonly string[]) => void | Promise<void>,
  ): void | Promise<void> {
    const lines = records.map((record) => JSON.stringify(record))
    for (const line of lines) this.#logChars += line.length
    try {
      return write(lines)?.catch((error) => {
        throw storeFailure(error)
      })
    } catch (error) {
      throw storeFailure(error)
    }
  }
}

function ignoringFailure(write: () => void | Promise<void>): void {
  try {
    write()?.catch(() => {})
  } catch {}
}
