import type { DeliveredEvent } from '@tidegate/protocol'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createClient } from '../src/index.ts'
import type { QueryPage } from '../src/reads/queries.ts'
import type { Asks, Params } from '../src/reads/read.ts'
import { readHistory, readLatest, readTopics, readWindows } from '../src/reads.ts'
import { TestSocket } from './support/test-socket.ts'

const at = (partition: number, n: number) => `${partition}@e/${n + 1}-0.0`

/** Logs in memory: a list of events for each partition. */
class Logs implements Asks {
  readonly asked: Params[] = []
  readonly #logs: readonly (readonly DeliveredEvent[])[]
  readonly #pageEvents: number

  constructor(logs: readonly (readonly Partial<DeliveredEvent>[])[], pageEvents = 2) {
    this.#pageEvents = pageEvents
    this.#logs = logs.map((log, partition) =>
      log.map((event, n) => ({ at: at(partition, n), id: `${partition}.${n}`, key: 'k', time: 0, data: {}, ...event })),
    )
  }

  async queryPage(name: string, params: Params = {}): Promise<QueryPage> {
    this.asked.push({ name, ...params })
    if (name === 'topics')
      return { data: { partitions: this.#logs.length, topics: [] }, complete: undefined, next: undefined }
    const log = this.#logs[params.partition as number]!
    const start = params.after === undefined ? 0 : log.findIndex((event) => event.at === params.after) + 1
    const end = Math.min(log.length, start + Math.min(this.#pageEvents, params.limit as number))
    const next = end < log.length ? log[end - 1]!.at : undefined
    return { data: log.slice(start, end), complete: true, next }
  }
}

describe('reads', () => {
  test('C-READ-1 history - of all partitions in order of time, of one time by partition, the order of each log kept', async () => {
    const times = fc.array(fc.array(fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(times, fc.boolean(), async (shape, isSorted) => {
        const logs = shape.map((log) => (isSorted ? [...log].sort((a, b) => a - b) : log).map((time) => ({ time })))
        const events = await readHistory(new Logs(logs), 'a.x').toArray()
        expect(events).toHaveLength(logs.flat().length)
        for (const [partition, log] of logs.entries()) {
          const own = events.filter(({ id }) => id.startsWith(`${partition}.`))
          expect(own.map(({ id }) => id)).toEqual(log.map((_, n) => `${partition}.${n}`))
        }
        if (!isSorted) return
        const inOrder = [...events].sort(
          (a, b) => a.time - b.time || Number(a.id.split('.')[0]) - Number(b.id.split('.')[0]),
        )
        expect(events.map(({ id }) => id)).toEqual(inOrder.map(({ id }) => id))
      }),
    )
  })

  test('C-READ-8 history - of many partitions has few listeners at its signal, and none in the end', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    let most = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      most = Math.max(most, ++listeners)
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }
    const client = createClient({ url: 'http://server.invalid', WebSocket: TestSocket, connect: true })
    TestSocket.last.greet()
    const read = readHistory(client, 'a.x', { signal }).toArray()
    const answer = async (queries: number, data: unknown) => {
      const asked = () => TestSocket.last.ofType('query')
      await vi.waitFor(() => expect(asked()).toHaveLength(queries))
      for (const { id } of asked()) TestSocket.last.receive({ type: 'result', id: id as number, data, complete: true })
    }
    await answer(1, { partitions: 16, topics: [] })
    await answer(17, [])
    expect(await read).toEqual([])
    expect(most).toBeLessThanOrEqual(2)
    await vi.waitFor(() => expect(listeners).toBe(0))
    await client.close({ deadlineMs: 0 })
  })

  test('C-READ-2 history - continues behind the positions of an earlier read, cut anywhere', async () => {
    const logs = [[1, 4, 5, 9], [2, 3, 8], [], [6]].map((log) => log.map((time) => ({ time })))
    const all = (await readHistory(new Logs(logs), 'a.x').toArray()).map(({ time }) => time)
    for (let limit = 0; limit <= 8; limit++) {
      const first = readHistory(new Logs(logs), 'a.x', { limit })
      const begun = (await first.toArray()).map(({ time }) => time)
      const rest = await readHistory(new Logs(logs), 'a.x', { after: first.positions }).toArray()
      expect([...begun, ...rest.map(({ time }) => time)]).toEqual(all)
    }
  })

  test('C-READ-2 history - behind a vector of a subscription: in each partition behind the first of its lanes', async () => {
    const logs = new Logs([[{ time: 1 }, { time: 2 }, { time: 3 }]])
    const after = { 'a.x': { high: [at(0, 1)], normal: [at(0, 0)] } }
    const events = await readHistory(logs, 'a.x', { after }).toArray()
    expect(events.map(({ time }) => time)).toEqual([2, 3])
    const nonsense = readHistory(logs, 'a.x', { after: ['yesterday'] }).toArray()
    await expect(nonsense).rejects.toThrow('history.after: expected positions, got "yesterday"')
    // It is of one partition, and the others would be read from their beginning.
    const one = readHistory(logs, 'a.x', { after: at(0, 1) as never }).toArray()
    await expect(one).rejects.toThrow(`history.after: expected positions, got "${at(0, 1)}"`)
  })

  test('C-READ-3 history - reads a page at a time, only as far as it is iterated', async () => {
    const logs = new Logs(Array.from({ length: 2 }, () => Array.from({ length: 100 }, (_, time) => ({ time }))))
    for await (const { time } of readHistory(logs, 'a.x')) if (time === 3) break
    expect(logs.asked.filter(({ name }) => name === 'history').length).toBeLessThan(8)
    await readHistory(logs, 'a.x', { limit: 1, key: 'k', from: 5, to: 9 }).toArray()
    expect(logs.asked.at(-1)).toEqual({
      name: 'history',
      topic: 'a.x',
      partition: 1,
      key: 'k',
      from: 5,
      to: 9,
      limit: 1,
    })
    await readHistory(logs, 'a.x', { limit: 1, after: 5 }).toArray()
    expect(logs.asked.at(-1)).toMatchObject({ from: 6 })
  })

  test('C-READ-4 reads - end with the reason of the signal, also while they wait', async () => {
    const ending = new AbortController()
    const never: Asks = { queryPage: () => new Promise(() => {}) }
    const { signal } = ending
    const reads = [
      readHistory(never, 'a.x', { signal }).toArray(),
      readWindows(never, 'a.x', { signal }).toArray(),
      readLatest(never, 'a.x', { signal }).toArray(),
      readTopics(never, { signal }),
    ]
    ending.abort(new Error('enough'))
    for (const read of reads) await expect(read).rejects.toThrow('enough')
    await expect(readTopics(never, { signal })).rejects.toThrow('enough')
  })

  test('C-READ-5 window - each window once as it stands, the first ones of the range, whatever came in between', async () => {
    const result = fc.record({
      key: fc.constantFrom('a', 'b'),
      start: fc.integer({ min: 0, max: 6 }).map((n) => n * 10),
      isWithdrawn: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(result, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), async (results, limit) => {
        const revisions = new Map<string, number>()
        const standing = new Map<string, object>()
        const log = results.map(({ key, start, isWithdrawn }) => {
          const name = `${String(start).padStart(3)} ${key}`
          const shown = revisions.get(name)
          const revision = isWithdrawn && shown !== undefined ? shown : (shown ?? -1) + 1
          revisions.set(name, revision)
          const common = { key, start, end: start + 10, revision }
          const data = isWithdrawn ? { ...common, withdrawn: true } : { ...common, value: { n: revision } }
          if (isWithdrawn) standing.delete(name)
          else standing.set(name, data)
          return { key, time: start + 9, data }
        })
        const panes = await readWindows(new Logs([log], 5), 'a.w', { from: 10, to: 60, limit }).toArray()
        const expected = [...standing].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, data]) => data as { start: number })
        const inRange = expected.filter(({ start }) => start >= 10 && start < 60)
        // Withdrawals may leave fewer than were asked for, and never a hole.
        expect(panes).toEqual(inRange.slice(0, panes.length))
        if (log.every(({ data }) => !('withdrawn' in data))) expect(panes).toEqual(inRange.slice(0, limit))
      }),
    )
  })

  test('C-READ-7 window - of a topic that has no results of windows says so', async () => {
    const logs = new Logs([[], [{ data: { sensorId: 's', temperature: 21.5 } }]])
    for (const options of [{}, { from: 0 }]) {
      const panes = readWindows(logs, 'sensor.reading', options).toArray()
      await expect(panes).rejects.toMatchObject({
        code: 'not_found',
        message: 'No window sensor.reading. Read its history.',
      })
    }
  })
})
