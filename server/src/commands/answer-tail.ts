import { setTimeout as sleep } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import { ANSWERS_TOPIC, BLOCK_MS, BusUnavailable, LOG_START, type LogEntry, type LogTail } from '../bus/index.ts'
import { type ReportDefect, withoutRepeats } from '../observability/defects.ts'

/** Entries of one read: bounds what one turn of the event loop has to settle. */
const READ_ENTRIES = 64
/** Pause after a failed read that the breaker does not time. */
const RETRY_MS = 100

export interface AnswerTailEvents {
  onEntry(entry: LogEntry): void
  /**
   * What was appended before may have been passed over, or lost: the cursor is set anew. Everything appended from now on comes
   * to `onEntry`, so that whoever looks for something now finds it or gets it.
   */
  onDoubt(): void
}

/** Reads the log of answers of one partition as it grows, in one blocking read at a time. */
export class AnswerTail {
  readonly #reader: LogTail
  readonly #report: ReportDefect
  readonly #events: AnswerTailEvents
  readonly #closing = new AbortController()
  #cursor: string | undefined
  #epoch: string | undefined
  /** Whether the log was looked at since anything made it doubtful that it is the one that was read. */
  #isSure = false
  #loop: Promise<void> | undefined

  constructor(reader: LogTail, report: ReportDefect, events: AnswerTailEvents) {
    this.#reader = reader
    this.#report = withoutRepeats(report)
    this.#events = events
  }

  /** Of the log, when it was looked at last. */
  get epoch(): string | undefined {
    return this.#epoch
  }

  /** Answers appended after it has resolved are read. @throws when Redis is not reachable within the deadline */
  async start(deadlineMs: number): Promise<void> {
    await this.#reader.untilReady(deadlineMs)
    await this.#look()
    this.#loop ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#reader.close()
    await this.#loop
  }

  /** The log may have another epoch than when it was looked at last. */
  doubt(): void {
    this.#isSure = false
    this.#reader.wake()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        if (!this.#isSure || !this.#reader.synced) await this.#look()
        await this.#read()
      } catch (error) {
        if (signal.aborted) return
        this.#isSure = false
        if (!(error instanceof BusUnavailable)) this.#report(`answers of partition ${this.#reader.partition}`, error)
        const retryMs = error instanceof BusUnavailable ? error.retryAfterMs : RETRY_MS
        await sleep(retryMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  async #read(): Promise<void> {
    const cursors = new Map([[ANSWERS_TOPIC, this.#cursor ?? LOG_START]])
    for (const entry of await this.#reader.read(cursors, { count: READ_ENTRIES, blockMs: BLOCK_MS })) {
      if (entry.epoch !== this.#epoch) this.#isSure = false
      // First: one that cannot be read is not read again.
      this.#cursor = entry.streamId
      this.#events.onEntry(entry)
    }
  }

  /** After every connect and under every new epoch. What Redis lost may lie at the cursor, and what is new before it. */
  async #look(): Promise<void> {
    // Before it is asked: a doubt that comes meanwhile stays.
    this.#isSure = true
    const { epoch, topics } = await this.#reader.sync([ANSWERS_TOPIC])
    const { lastId, trimmedTo } = topics.get(ANSWERS_TOPIC)!
    const cursor = this.#cursor
    const isThere =
      cursor !== undefined &&
      epoch === this.#epoch &&
      compareStreamIds(cursor, lastId) <= 0 &&
      compareStreamIds(cursor, trimmedTo) >= 0
    this.#epoch = epoch
    if (!isThere) this.#cursor = lastId
    this.#events.onDoubt()
  }
}
