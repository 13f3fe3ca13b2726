import type { EventInput } from '@tidegate/protocol'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { DemoEvent } from '../../src/demo/demo-event.ts'
import { startPlayer } from '../../src/demo/player.ts'

const START = 1_732_350_000_000

/** A reading every 100 ms, the first at once. */
function* readings(): Generator<DemoEvent, never> {
  for (let n = 0; ; n++) {
    const time = START + 100 * n
    const data = { sensorId: 's-01', temperature: n, humidity: 40 }
    yield { atMs: time, topic: 'sensor.reading', event: { id: `r-${n}`, time, data } }
  }
}

interface Call {
  readonly topic: string
  readonly ids: (string | undefined)[]
  settle(error?: Error): void
}

function start(onError: (error: unknown) => void = () => {}) {
  const calls: Call[] = []
  const publish = (topic: string, events: readonly EventInput[]) =>
    new Promise<void>((resolve, reject) => {
      const settle = (error?: Error) => (error === undefined ? resolve() : reject(error))
      calls.push({ topic, ids: events.map((event) => event.id), settle })
    })
  const seen: string[] = []
  const onEvent = ({ event }: DemoEvent) => seen.push(event.id)
  return { calls, seen, player: startPlayer({ events: readings(), publish, onEvent, clock: Date, onError }) }
}

beforeEach(() => {
  vi.useFakeTimers({ now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('demo player', () => {
  test('K-DEMO-6 player - publishes events when they are due, together by topic', async () => {
    const { calls } = start()
    await vi.advanceTimersByTimeAsync(50)
    expect(calls).toMatchObject([{ topic: 'sensor.reading', ids: ['r-0'] }])
    await vi.advanceTimersByTimeAsync(250)
    calls[0]!.settle()
    await vi.advanceTimersByTimeAsync(50)
    expect(calls.slice(1)).toMatchObject([{ ids: ['r-1', 'r-2', 'r-3'] }])
  })

  test('K-DEMO-6 player - one call per topic is open at a time', async () => {
    const { calls } = start()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(calls).toHaveLength(1)
  })

  test('K-DEMO-6 player - after an outage goes on at the present', async () => {
    const { calls, seen } = start()
    await vi.advanceTimersByTimeAsync(60_000)
    calls[0]!.settle()
    await vi.advanceTimersByTimeAsync(50)
    expect(calls[1]!.ids[0]).toBe('r-551')
    expect(calls[1]!.ids.at(-1)).toBe('r-600')
    expect(seen).toEqual(calls.flatMap(({ ids }) => ids))
  })

  test('K-DEMO-6 player - a refused publish is reported and the next one goes out', async () => {
    const onError = vi.fn()
    const { calls } = start(onError)
    await vi.advanceTimersByTimeAsync(50)
    const refused = new Error('refused')
    calls[0]!.settle(refused)
    await vi.advanceTimersByTimeAsync(100)
    expect(onError).toHaveBeenCalledExactlyOnceWith(refused)
    expect(calls).toHaveLength(2)
  })

  test('K-DEMO-6 player - closing waits for open calls and publishes nothing more', async () => {
    const { calls, player } = start()
    await vi.advanceTimersByTimeAsync(50)
    const closed = vi.fn()
    void player.close({ deadlineMs: 1_000 }).then(closed)
    await vi.advanceTimersByTimeAsync(500)
    expect(closed).not.toHaveBeenCalled()
    calls[0]!.settle()
    await vi.advanceTimersByTimeAsync(0)
    expect(closed).toHaveBeenCalledOnce()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(calls).toHaveLength(1)
    await player.close({ deadlineMs: 1_000 })
  })

  test('K-DEMO-6 player - closing gives up waiting at the deadline', async () => {
    const { player } = start()
    await vi.advanceTimersByTimeAsync(50)
    const closed = vi.fn()
    void player.close({ deadlineMs: 1_000 }).then(closed)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(closed).toHaveBeenCalledOnce()
  })
})
