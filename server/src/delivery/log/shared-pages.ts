import { compareStreamIds } from '@tidegate/protocol'
import type { Entry } from '../wire/index.ts'

/** Entries read of one log from an id on. */
export interface Page {
  /** Contiguous, from that id (inclusive) on. */
  readonly entries: readonly Entry[]
  /** The trim mark at the time of the read. */
  readonly trimmedTo: string
  /** Whether the log held no more entries when it was read. */
  readonly isLast: boolean
  /** The tail's cursor just before the read, if the log is tailed. */
  readonly tailCursor: string | undefined
}

interface Range {
  readonly log: string
  readonly from: string
  readonly page: Page
  readonly readAt: number
  readonly bytes: number
}

/** Bytes of stored events kept, for all logs together. */
const MAX_BYTES = 16 * 1_024 * 1_024
/** About what a reader has room for at a time. */
const FOUND_BYTES = 128 * 1_024
/** Long enough for thousands of clients that come back together, short enough that nothing old is pinned. */
const KEEP_MS = 5_000
/** For this long after a read the end of a log is not read again. */
const FRESH_MS = 50

/** The pages of the last seconds: a reader inside one of them needs no read of its own. */
export class SharedPages {
  readonly #maxBytes: number
  /** Oldest first. */
  readonly #ranges = new Map<string, Range[]>()
  #order: Range[] = []
  #bytes = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Bytes of stored events held. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param log any name of a topic's log in one partition. */
  keep(log: string, from: string, page: Page, now: number): void {
    const bytes = page.entries.reduce((sum, entry) => sum + entry.bytes, 0)
    const range: Range = { log, from, page, readAt: now, bytes }
    const ranges = this.#ranges.get(log)
    if (ranges === undefined) this.#ranges.set(log, [range])
    else ranges.push(range)
    this.#order.push(range)
    this.#bytes += bytes
    this.expire(now)
  }

  /**
   * Some 128 KiB of entries from an id (inclusive) on, if pages hold entries behind that id or the end of the log. Pages of which
   * one begins where the other ends are one.
   */
  find(log: string, from: string, now: number): Page | undefined {
    const ranges = this.#ranges.get(log) ?? []
    for (let i = 0; i < ranges.length; i++) {
      const { page, from: start, readAt } = ranges[i]!
      if (now - readAt > KEEP_MS || compareStreamIds(from, start) < 0) continue
      const { entries, isLast } = page
      const hasMore = entries.length > 0 && compareStreamIds(entries.at(-1)!.streamId, from) > 0
      if (!hasMore && !(isLast && now - readAt <= FRESH_MS)) continue
      return cutTo(FOUND_BYTES, joined({ ...page, entries: entries.slice(firstFrom(entries, from)) }, ranges, i + 1))
    }
    return undefined
  }

  forget(log: string): void {
    for (const { bytes } of this.#ranges.get(log) ?? []) this.#bytes -= bytes
    this.#ranges.delete(log)
    this.#order = this.#order.filter((range) => range.log !== log)
  }

  /** Drops old pages, and the oldest ones while there are too many bytes. To be called now and then. */
  expire(now: number): void {
    for (let oldest = this.#order[0]; oldest !== undefined; oldest = this.#order[0]) {
      if (this.#bytes <= this.#maxBytes && now - oldest.readAt <= KEEP_MS) return
      this.#order.shift()
      this.#bytes -= oldest.bytes
      const ranges = this.#ranges.get(oldest.log)!
      ranges.shift()
      if (ranges.length === 0) this.#ranges.delete(oldest.log)
    }
  }
}

/** Index of the first entry at or behind an id. */
function firstFrom(entries: readonly Entry[], from: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareStreamIds(entries[middle]!.streamId, from) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** A page, and those read later that continue it: nothing was trimmed in between. They are no older, and so no more outdated. */
function joined(page: Page, ranges: readonly Range[], first: number): Page {
  let whole = page
  for (let i = first; i < ranges.length; i++) {
    const { page: next } = ranges[i]!
    const last = whole.entries.at(-1)?.streamId
    if (last === undefined || next.trimmedTo !== whole.trimmedTo || next.entries[0]?.streamId !== last) continue
    if (next.entries.length > 1) whole = { ...next, entries: whole.entries.concat(next.entries.slice(1)) }
  }
  return whole
}

/** At least two entries, if there are: a reader may have the first one. */
function cutTo(bytes: number, page: Page): Page {
  let left = bytes
  const end = page.entries.findIndex((entry, i) => {
    const isOver = i > 1 && left <= 0
    left -= entry.bytes
    return isOver
  })
  return end === -1 ? page : { ...page, entries: page.entries.slice(0, end), isLast: false }
}
