import { setTimeout as sleep } from 'node:timers/promises'
import { compareStreamIds } from '@tidegate/protocol'
import { type Bus, BusUnavailable, type LogPage } from '../../bus/index.ts'
import type { Clock } from '../../clock.ts'
import { PacedLoop, PacedWork, type Reader, ReadTurns } from '../../limits/index.ts'
import { LoopTurn } from '../../loop-turn.ts'
import type { Entry } from '../wire/index.ts'
import { type OnCorrupt, readEntry } from './read-entry.ts'
import { type Page, SharedPages } from './shared-pages.ts'

/** Concurrent page reads of this node: more would only make Redis and the event loop stall for longer. */
const CONCURRENT_READS = 8
const EXPIRE_EVERY_MS = 1_000

/** Reads logs page by page, one page at a time. */
export interface PageReader {
  /** Pays for what it reads. */
  readonly reader: Reader
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
 * Reads pages of the log for all sessions of a node, in turns, a bounded number at a time. Each log has one read under
 * way; later readers wait for its page, so that the number of reads depends on the ranges and not on the number of
 * readers.
 */
export class Replayer {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #cursorOf: (topic: string, partition: number) => string | undefined
  readonly #onCorrupt: OnCorrupt
  readonly #loop: PacedLoop
  readonly #work: PacedWork
  readonly #pages = new SharedPages()
  readonly #waiting = new ReadTurns<PageReader>()
  /** By log that is being read. */
  readonly #parked = new Map<string, PageReader[]>()
  readonly #timer: NodeJS.Timeout
  #closed = false

  /**
   * @param cursorOf the tail's cursor in a topic and partition, if it is tailed
   * @param loopTurn shared with what else is done for clients
   */
  constructor(
    bus: Bus,
    clock: Clock,
    cursorOf: (topic: string, partition: number) => string | undefined,
    onCorrupt: OnCorrupt,
    loopTurn = new LoopTurn(clock),
  ) {
    this.#loop = new PacedLoop(clock, loopTurn, () => this.#serveNext())
    this.#work = new PacedWork(clock, loopTurn)
    this.#onCorrupt = onCorrupt
    this.#bus = bus
    this.#clock = clock
    this.#cursorOf = cursorOf
    this.#timer = setInterval(() => this.#pages.expire(clock.monotonic()), EXPIRE_EVERY_MS)
    this.#timer.unref()
  }

  /** Stored bytes of pages kept for other readers. */
  get keptBytes(): number {
    return this.#pages.bytes
  }

  /**
   * Answers with one `onPage`, or not at all if `nextPage` then returns `undefined`. Reads are repeated while Redis is
   * away.
   */
  request(reader: PageReader): void {
    this.#waiting.add(reader.reader, reader)
    this.#loop.wake()
  }

  /** Drops cached pages of a log that has lost entries. */
  forget(topic: string, partition: number): void {
    this.#pages.forget(logName(topic, partition))
  }

  close(): void {
    this.#closed = true
    this.#loop.close()
    this.#work.close()
    clearInterval(this.#timer)
    this.#waiting.clear()
    this.#parked.clear()
  }

  /** @returns how long until another may be served, ms */
  #serveNext(): number {
    const reader = this.#waiting.take()
    if (reader === undefined) return this.#waiting.waitMs()
    if (this.#serveOne(reader)) return this.#waiting.size > 0 ? 0 : Number.POSITIVE_INFINITY
    // No read is free: later readers wait too, so that none is passed over for good.
    this.#waiting.addFirst(reader.reader, reader)
    return Number.POSITIVE_INFINITY
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
    const { topic, partition, from } = request
    const log = logName(topic, partition)
    const page = this.#pages.find(log, from, this.#clock.monotonic())
    const parked = this.#parked.get(log)
    if (page !== undefined) {
      reader.reader.chargeRead(bytesOf(page), false)
      request.onPage(page)
    } else if (parked !== undefined) parked.push(reader)
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
      const readAt = this.#clock.monotonic()
      // Several pages may have come at once.
      await this.#work.inTurn(reader.reader.purse, () => {
        const { isCut, ...content } = this.#readable(partition, from, read)
        const page = { ...content, isLast: !isCut && read.entries.length < count, tailCursor }
        this.#pages.keep(log, from, page, readAt)
        reader.reader.chargeRead(bytesOf(page), true)
        if (!this.#closed) request.onPage(page)
      })
    } catch (error) {
      if (error instanceof BusUnavailable) {
        if (error.wasAnswering) request.onTooLarge()
        else await sleep(error.retryAfterMs)
        this.#waiting.addFirst(reader.reader, reader)
      } else reader.fail(error)
    }
    for (const parked of this.#parked.get(log)?.reverse() ?? []) this.#waiting.addFirst(parked.reader, parked)
    this.#parked.delete(log)
    this.#loop.wake()
  }
}

function bytesOf({ entries }: Page): number {
  return entries.reduce((sum, entry) => sum + entry.bytes, 0)
}

function logName(topic: string, partition: number): string {
  return `${partition} ${topic}`
}
