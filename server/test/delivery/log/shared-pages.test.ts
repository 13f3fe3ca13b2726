import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Page, SharedPages } from '../../../src/delivery/log/shared-pages.ts'
import { Entry } from '../../../src/delivery/wire/entry.ts'
import { recordBatch } from '../support.ts'

const LOG = '0 a.x'
const raw = recordBatch([{ id: 'e' }])
const entryAt = (ms: number) =>
  new Entry(0, { topic: 'a.x', streamId: `${ms}-0`, epoch: 'e', ...raw, refused: undefined, watermark: undefined })

/** A log of entries at these times, read from `from` on. */
function read(log: readonly number[], from: number, count: number): Page {
  const entries = log
    .filter((ms) => ms >= from)
    .slice(0, count)
    .map(entryAt)
  return { entries, trimmedTo: '0-0', isLast: entries.length < count, tailCursor: undefined }
}

const times = (page: Page | undefined) => page?.entries.map(({ streamId }) => Number(streamId.split('-')[0]))

describe('shared pages', () => {
  it('D-RESUME-8 answers from inside a page that was read, as a read of the log would have then', () => {
    const log = fc.uniqueArray(fc.nat(60), { maxLength: 30 }).map((ids) => ids.sort((a, b) => a - b))
    const asked = fc.record({ from: fc.nat(60), count: fc.integer({ min: 2, max: 10 }) })
    fc.assert(
      fc.property(log, fc.array(asked, { maxLength: 10 }), fc.nat(60), (ids, kept, from) => {
        const pages = new SharedPages()
        for (const each of kept) pages.keep(LOG, `${each.from}-0`, read(ids, each.from, each.count), 0)
        const found = pages.find(LOG, `${from}-0`, 0)
        if (found === undefined) return
        const whole = times(read(ids, from, 1_000))!
        const entries = times(found)!
        expect(entries).toEqual(whole.slice(0, entries.length))
        if (found.isLast) expect(entries.length).toBe(whole.length)
        // Whoever already has the entry at `from` gets on.
        else expect(entries.at(-1)).toBeGreaterThan(from)
      }),
    )
  })

  it('D-RESUME-8 takes an end for an end only for a moment', () => {
    const pages = new SharedPages()
    pages.keep(LOG, '5-0', read([5, 6], 5, 10), 1_000)
    expect(times(pages.find(LOG, '5-0', 2_000))).toEqual([5, 6])
    expect(times(pages.find(LOG, '6-0', 1_010))).toEqual([6])
    expect(pages.find(LOG, '6-0', 1_100)).toBeUndefined()
    expect(pages.find(LOG, '4-0', 1_010)).toBeUndefined()
    expect(pages.find('1 a.x', '5-0', 1_010)).toBeUndefined()
  })

  it('D-RESUME-8 answers from pages of which one begins where the other ends as from one', () => {
    const log = [1, 2, 3, 4, 5]
    const pages = new SharedPages()
    pages.keep(LOG, '1-0', read(log, 1, 2), 0)
    expect(times(pages.find(LOG, '1-0', 0))).toEqual([1, 2])
    pages.keep(LOG, '2-0', read(log, 2, 10), 1)
    expect(pages.find(LOG, '1-0', 1)).toMatchObject({ isLast: true })
    expect(times(pages.find(LOG, '1-0', 1))).toEqual(log)
  })

  it('D-RESUME-8 does not join pages between which the log was trimmed: what is there must not lie in the gap', () => {
    const log = [1, 2, 3, 4, 5]
    const pages = new SharedPages()
    pages.keep(LOG, '1-0', read(log, 1, 2), 0)
    pages.keep(LOG, '2-0', { ...read(log, 2, 10), trimmedTo: '1-0' }, 1)
    expect(pages.find(LOG, '1-0', 1)).toMatchObject({ trimmedTo: '0-0', isLast: false })
    expect(times(pages.find(LOG, '1-0', 1))).toEqual([1, 2])
  })

  it('D-RESUME-8 answers with about as much as a reader has room for, and with what comes behind an entry that it has', () => {
    const large = (ms: number) => Object.assign(entryAt(ms), { bytes: 100 * 1_024 })
    const entries = [1, 2, 3, 4].map(large)
    const pages = new SharedPages()
    pages.keep(LOG, '1-0', { entries, trimmedTo: '0-0', isLast: true, tailCursor: undefined }, 0)
    expect(pages.find(LOG, '1-0', 0)).toMatchObject({ isLast: false })
    expect(times(pages.find(LOG, '1-0', 0))).toEqual([1, 2])
    expect(times(pages.find(LOG, '3-0', 0))).toEqual([3, 4])
  })

  it('D-RESUME-8 lets go of what is old, and of the oldest beyond its bound', () => {
    const { bytes } = entryAt(1)
    const pages = new SharedPages(3 * bytes)
    for (const at of [1, 2, 3]) pages.keep(LOG, `${at}-0`, read([at], at, 1), at)
    expect(pages.bytes).toBe(3 * bytes)
    pages.keep(LOG, '4-0', read([4], 4, 1), 4)
    expect(pages.bytes).toBe(3 * bytes)
    pages.expire(100_000)
    expect(pages.bytes).toBe(0)
    expect(pages.find(LOG, '3-0', 5)).toBeUndefined()
  })
})
