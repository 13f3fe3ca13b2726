import { describe, expect, test } from 'vitest'
import type { ReceivedEvent } from '../src/model/recent-events.ts'
import { MAX_ROWS, Tail } from '../src/model/tail.ts'
import { sdkCode, subscribeOptions } from '../src/model/tail-query.ts'

const event = (id: string) => ({ id }) as ReceivedEvent
const LIVE = { topic: 'a.b', key: '', where: '', range: { kind: 'live' } } as const

describe('tail', () => {
  test('take - what is new, newest first, and never more than the rows', () => {
    const tail = new Tail()
    for (const id of ['1', '2']) tail.add(event(id))
    expect(tail.take().map(({ id }) => id)).toEqual(['2', '1'])
    expect(tail.take()).toEqual([])
    for (let i = 0; i < MAX_ROWS + 9; i++) tail.add(event(`n-${i}`))
    expect(tail.take()).toHaveLength(MAX_ROWS)
    expect(tail.count).toBe(MAX_ROWS + 11)
  })

  test('pause - nothing is taken, what comes is counted, and is there afterwards', () => {
    const tail = new Tail()
    tail.pause(true)
    tail.add(event('1'))
    expect([tail.take(), tail.waiting]).toEqual([[], 1])
    tail.pause(false)
    expect(tail.take()).toHaveLength(1)
    expect(tail.waiting).toBe(0)
  })
})

describe('tail query', () => {
  test('subscribeOptions - empty fields exclude nothing', () => {
    expect(subscribeOptions(LIVE, 0)).toEqual({ from: 'now' })
  })

  test('subscribeOptions - a range is of the time of events, beside the filter', () => {
    const range = { kind: 'between', from: 100_000, to: 200_000 } as const
    expect(subscribeOptions({ ...LIVE, key: 'k', where: 'data.n > 1 || data.m > 1', range }, 0)).toEqual({
      from: { time: 40_000 },
      keys: ['k'],
      where: '(data.n > 1 || data.m > 1) && (time >= 100000 && time < 200000)',
    })
    expect(subscribeOptions({ ...LIVE, range: { kind: 'last', ms: 60_000 } }, 90_000).from).toEqual({ time: 30_000 })
  })

  test('sdkCode - is what the page does', () => {
    const query = { ...LIVE, key: "o'1", where: 'data.n > 1', range: { kind: 'earliest' } } as const
    expect(sdkCode(query, 'http://h:1', false, 0)).toBe(
      [
        "import { createClient } from '@tidegate/client'",
        '',
        "const client = createClient({ url: 'http://h:1' })",
        "client.subscribe('a.b', { keys: ['o\\'1'], where: 'data.n > 1', from: 'earliest' }, (event) => {",
        '  console.log(new Date(event.time), event.key, event.data)',
        '})',
      ].join('\n'),
    )
    expect(sdkCode(LIVE, 'http://h:1', true, 0)).toContain('token: process.env.TIDEGATE_TOKEN')
    expect(sdkCode(LIVE, 'http://h:1', true, 0)).toContain("client.subscribe('a.b', {}, (event)")
  })
})
