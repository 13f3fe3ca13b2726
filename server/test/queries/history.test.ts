import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALL_KEYS } from '../../src/access/index.ts'
import { encodeEvent, LOG_START, type LogEntry, RecordBatchBuilder } from '../../src/bus/index.ts'
import { MAX_ANSWER_BYTES } from '../../src/queries/answer-size.ts'
import type { ReadPage } from '../../src/queries/gap-events.ts'
import { type HistoryPage, readHistory } from '../../src/queries/history.ts'
import { optionalPosition } from '../../src/queries/log-position.ts'

const EPOCH = 'e'

interface Slice {
  readonly ids: readonly string[]
  readonly isRefused: boolean
}

function entryOf(ms: number, slices: readonly Slice[], data = '{}'): LogEntry {
  const batch = new RecordBatchBuilder()
  for (const { ids } of slices) {
    batch.addSlice(
      ids.map((id) => ({ key: 'k', lane: 'low', time: 1, json: encodeEvent(id, 'k', 1, undefined, data) })),
    )
  }
  const refused = slices.flatMap(({ isRefused }, nth) => (isRefused ? [nth] : [])).join(',')
  return {
    topic: 'a.x',
    streamId: `${ms}-0`,
    epoch: EPOCH,
    refused: refused === '' ? undefined : refused,
    watermark: undefined,
    ...batch.build(),
  }
}

/** A log in memory, read as Redis reads a stream. */
function logOf(entries: readonly LogEntry[]): ReadPage {
  const msOf = (streamId: string) => Number(streamId.split('-')[0])
  return async (from, count, take) => {
    const isAfter = ({ streamId }: LogEntry) =>
      from.startsWith('(') ? msOf(streamId) > msOf(from.slice(1)) : msOf(streamId) >= msOf(from)
    return take({ entries: entries.filter(isAfter).slice(0, count), trimmedTo: LOG_START, epoch: EPOCH })
  }
}

/** Every page from `after` on. */
async function pagesOf(read: ReadPage, limit: number, after?: string): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = []
  for (let from = after; ; ) {
    const position = optionalPosition({ after: from }, 'after', 1)
    const page = await readHistory(read, {
      topic: 'a.x',
      partition: 0,
      after: position,
      since: undefined,
      key: undefined,
      from: Number.NEGATIVE_INFINITY,
      to: Number.POSITIVE_INFINITY,
      scope: ALL_KEYS,
      sight: undefined,
      limit,
    })
    pages.push(page)
    if (page.next === undefined) return pages
    from = page.next
  }
}

const idsOf = (pages: readonly HistoryPage[]) => pages.flatMap(({ events }) => events.map(({ id }) => id))

test('Q-HISTORY-2 history - pages of any size, begun after any event, are all later events in log order, refused ones omitted', async () => {
  const slice = fc.record({ size: fc.integer({ min: 1, max: 3 }), isRefused: fc.boolean() })
  const log = fc.array(fc.array(slice, { minLength: 1, maxLength: 3 }), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(log, fc.integer({ min: 1, max: 5 }), fc.nat(), async (shape, limit, begin) => {
      const stored: string[] = []
      const entries = shape.map((slices, at) =>
        entryOf(
          at + 1,
          slices.map(({ size, isRefused }, nth) => {
            const ids = Array.from({ length: size }, (_, i) => `${at}.${nth}.${i}`)
            if (!isRefused) stored.push(...ids)
            return { ids, isRefused }
          }),
        ),
      )
      const all = await pagesOf(logOf(entries), limit)
      expect(idsOf(all)).toEqual(stored)
      expect(all.every(({ events, complete }) => events.length <= limit && complete)).toBe(true)
      const events = all.flatMap((page) => page.events)
      if (events.length === 0) return
      const from = begin % events.length
      expect(idsOf(await pagesOf(logOf(entries), limit, events[from]!.at))).toEqual(stored.slice(from + 1))
    }),
  )
})

test('Q-HISTORY-4 history - an answer ends after 512 entries although all their events were refused', async () => {
  const refused = Array.from({ length: 1_200 }, (_, i) => entryOf(i + 1, [{ ids: [`${i}`], isRefused: true }]))
  const kept = entryOf(1_201, [{ ids: ['kept'], isRefused: false }])
  const pages = await pagesOf(logOf([...refused, kept]), 100)
  expect(pages.map(({ events }) => events.length)).toEqual([0, 0, 1])
  expect(idsOf(pages)).toEqual(['kept'])
})

test('Q-HISTORY-4 history - an event larger than an answer may be is returned by itself', async () => {
  const large = JSON.stringify({ text: 'x'.repeat(MAX_ANSWER_BYTES) })
  const entries = ['a', 'b', 'c'].map((id, at) => entryOf(at + 1, [{ ids: [id], isRefused: false }], large))
  const pages = await pagesOf(logOf(entries), 100)
  expect(pages.map(({ events }) => events.map(({ id }) => id))).toEqual([['a'], ['b'], ['c']])
})
