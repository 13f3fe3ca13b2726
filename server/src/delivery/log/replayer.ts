import { setTimeout as sleep } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import { type Bus, BusUnavailable, type LogPage } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import type { Entry } from '../wire/index.ts'
import { type OnCorrupt, readEntry } from './read-entry.ts'
import { type Page, SharedPages } from './shared-pages.ts'

/** Concurrent page reads of this node: more would only make Redis and the event loop stall for longer. */
const CONCURRENT_READS = 8
/** Readers served from cached pages before other work gets a turn. */
const SERVED_AT_ONCE = 64
const EXPIRE_EVERY_MS = 1_000

/** Reads logs page by page, one page at a time. */
export interface PageReader {
  /** The page to read now, or `undefined` when none is needed any more. */
  nextPage(): PageRequest | undefined
  /** A page could not be read, or `onPage` threw. MUST NOT throw. */
  fail(error: unknown): void
}

export interface PageRequest {
  readonly topic: string
  readonly partition: number
  /** Stream id, inclusive. */
  readonly from: string
  readonly entries: number
  onPage(page: Page): void
  /** The page was too large to arrive in time: the next request MUST ask for less. */
  onTooLarge(): void
}

/**
 * Reads pages of the log for all sessions of a node, first come first served, a bounded number at a time. Each log has
 * one read under way; later readers wait for its page, so that the number of reads depends on the ranges and not on the
 * number of readers.
 */
export class Replayer {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #cursorOf: (topic: string, partition: number) => string | undefined
  readonly #onCorrupt: OnCorrupt
  readonly #pages = new SharedPages()
  #waiting: PageReader[] = []
  /** By log that is being read. */
  readonly #parked = new Map<string, PageReader[]>()
  #serving: NodeJS.Immediate | undefined
  readonly #timer: NodeJS.Timeout
  #closed = false

  /** @param cursorOf the tail's cursor in a topic and partition, if it is tailed. */
  constructor(
    bus: Bus,
    clock: Clock,
    cursorOf: (topic: string, partition: number) => string | undefined,
    onCorrupt: OnCorrupt,
  ) {
    this.#onCorrupt = onCorrupt
    this.#bus = bus
    this.#clock = clock
    this.#cursorOf = cursorOf
    this.#timer = setInterval(() => this.#pages.expire(clock.monotonic()), EXPIRE_EVERY_MS)
    this.#timer.unref()
  }

  /**
   * Answers with one `onPage`, or not at all if `nextPage` then returns `undefined`. Reads are repeated while Redis is
   * away.
   */
  request(reader: PageReader): void {
    this.#waiting.push(reader)
    this.#serving ??= setImmediate(() => this.#serve())
  }

  /** Drops cached pages of a log that has lost entries. */
  forget(topic: string, partition: number): void {
    this.#pages.forget(logName(topic, partition))
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    clearImmediate(this.#serving)
    this.#waiting = []
    this.#parked.clear()
  }

  #serve(): void {
    this.#serving = undefined
    const readers = this.#waiting.splice(0, SERVED_AT_ONCE)
    for (const [index, reader] of readers.entries()) {
      if (this.#serveOne(reader)) continue
      // No read is free: later readers wait too, so that none is passed over for good.
      this.#waiting.unshift(...readers.slice(index))
      return
    }
    if (this.#waiting.length > 0) this.#serving ??= setImmediate(() => this.#serve())
  }

  /** False if it would need one more read than allowed. */
  #serveOne(reader: PageReader): boolean {
    try {
      return this.#serveUnguarded(reader)
    } catch (error) {
      reader.fail(error)
      return true
    }
  }

  #serveUnguarded(reader: PageReader): boolean {
    const request = reader.nextPage()
    if (request === undefined) return true
    const { topic, partition, from, entries } = request
    const log = logName(topic, partition)
    const page = this.#pages.find(log, from, entries, this.#clock.monotonic())
    const parked = this.#parked.get(log)
    if (page !== undefined) request.onPage(page)
    else if (parked !== undefined) parked.push(reader)
    else if (this.#parked.size >= CONCURRENT_READS) return false
    else {
      this.#parked.set(log, [])
      void this.#read(log, reader, request)
    }
    return true
  }

  /** The entries before one that cannot be read; where there are none, those behind it, and what lies before counts as trimmed. */
  #readable(partition: number, from: string, { entries: raw, trimmedTo }: LogPage) {
    let entries: Entry[] = []
    let goneTo = trimmedTo
    for (const each of raw) {
      const entry = readEntry(partition, each, this.#onCorrupt)
      if (entry !== undefined) {
        entries.push(entry)
        continue
      }
      // The one at `from` has been read: a page of it alone would be read for ever.
      const last = entries.at(-1)
      if (last !== undefined && compareStreamIds(last.streamId, from) > 0)
        return { entries, trimmedTo: goneTo, isCut: true }
      entries = []
      goneTo = each.streamId
    }
    return { entries, trimmedTo: goneTo, isCut: false }
  }

  async #read(log: string, reader: PageReader, request: PageRequest): Promise<void> {
    const { topic, partition, from, entries: count } = request
    try {
      const tailCursor = this.#cursorOf(topic, partition)
      const read = await this.#bus.log(partition, 'replay').page(topic, from, count)
      const { isCut, ...content } = this.#readable(partition, from, read)
      const page = { ...content, isLast: !isCut && read.entries.length < count, tailCursor }
      this.#pages.keep(log, from, page, this.#clock.monotonic())
      if (!this.#closed) request.onPage(page)
    } catch (error) {
      if (error instanceof BusUnavailable) {
        if (error.wasAnswering) request.onTooLarge()
        else await sleep(error.retryAfterMs)
        this.#waiting.unshift(reader)
      } else reader.fail(error)
    }
    this.#waiting.unshift(...(this.#parked.get(log) ?? []))
    this.#parked.delete(log)
    if (!this.#closed) this.#serving ??= setImmediate(() => this.#serve())
  }
}

function logName(topic: string, partition: number): string {
  return `${partition} ${topic}`
}
