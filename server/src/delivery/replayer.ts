import { setTimeout as sleep } from 'node:timers/promises'
import { BusUnavailable, type Guard, type LogPage, type Redis, readPage } from '../bus/index.ts'
import type { Feed } from './feed.ts'

/** Page reads under way on this node: more would only make Redis and the event loop stall in larger steps. */
const CONCURRENT_READS = 8
const RETRY_MS = 200

export interface Page extends LogPage {
  /** Whether the log held no more entries when it was read. */
  readonly isLast: boolean
}

/** Somebody who reads logs page by page, one page at a time. */
export interface PageReader {
  /** The feed to read for now, or `undefined` when there is no need any more. */
  nextPage(): { readonly feed: Feed; readonly from: string; readonly entries: number } | undefined
  onPage(feed: Feed, page: Page): void
}

/** Reads pages of the log for all sessions of a node, first come first served, a bounded number at a time. */
export class Replayer {
  readonly #redis: Redis
  readonly #guard: Guard
  readonly #waiting: PageReader[] = []
  #reading = 0
  #closed = false

  constructor(redis: Redis, guard: Guard) {
    this.#redis = redis
    this.#guard = guard
  }

  /** Answers with one `onPage`, or none if `nextPage` then returns `undefined`. Failed reads are repeated. */
  request(reader: PageReader): void {
    this.#waiting.push(reader)
    this.#startReads()
  }

  close(): void {
    this.#closed = true
    this.#waiting.length = 0
  }

  #startReads(): void {
    while (this.#reading < CONCURRENT_READS && this.#waiting.length > 0) {
      this.#reading++
      void this.#read(this.#waiting.shift()!).finally(() => {
        this.#reading--
        this.#startReads()
      })
    }
  }

  async #read(reader: PageReader): Promise<void> {
    const next = reader.nextPage()
    if (next === undefined) return
    const { feed, from, entries: count } = next
    try {
      const page = await this.#guard.run(() => readPage(this.#redis, feed.partition, feed.topic, from, count))
      if (!this.#closed) reader.onPage(feed, { ...page, isLast: page.entries.length < count })
    } catch (error) {
      await sleep(error instanceof BusUnavailable ? error.retryAfterMs : RETRY_MS)
      if (!this.#closed) this.#waiting.push(reader)
    }
  }
}
