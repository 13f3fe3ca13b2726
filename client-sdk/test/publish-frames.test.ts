import { describe, expect, test } from 'vitest'
import { TidegateError } from '../src/errors/errors.ts'
import { resultOf } from '../src/publishing/publish-call.ts'
import { frameBodies as split, UNSTAMPED } from '../src/publishing/publish-frames.ts'

const events = (count: number, data: unknown = {}) => Array.from({ length: count }, (_, i) => ({ id: `e${i}`, data }))
const frameBodies = (topic: string, list: Parameters<typeof split>[1]) => split(topic, list, () => 'made')
const stamped = (json: string) => JSON.parse(`{${json.replaceAll(UNSTAMPED, '1732350000000')}}`)
const idsIn = (json: string) => (stamped(json).events as { id: string }[]).map(({ id }) => id)

describe('publish frames', () => {
  test('C-SPLIT-1 split - at 1,000 events, in order', () => {
    const bodies = frameBodies('a.b', events(2_001))
    expect(bodies.map((body) => body.events)).toEqual([1_000, 1_000, 1])
    expect(bodies.flatMap(({ json }) => idsIn(json))).toEqual(events(2_001).map(({ id }) => id))
    expect(new Set(bodies.map(({ topic }) => topic))).toEqual(new Set(['a.b']))
  })

  test('C-SPLIT-1 split - at 512 KiB of UTF-8', () => {
    const bodies = frameBodies('a', events(5, { text: '€'.repeat(60_000) }))
    expect(bodies.map((body) => body.events)).toEqual([2, 2, 1])
    for (const { json, bytes } of bodies) expect(bytes).toBeGreaterThan(Buffer.byteLength(json))
  })

  test('C-SPLIT-1 split - an event larger than a frame is refused', () => {
    const split = () => frameBodies('a', events(1, { text: 'x'.repeat(600_000) }))
    expect(split).toThrow(TidegateError)
    expect(split).toThrow(expect.objectContaining({ code: 'event_too_large', retryable: false }))
  })

  test('C-STAMP-1 events - get an id where they have none, and room for a time; others are as they are', () => {
    const [body] = frameBodies('a', [{ data: 1 }, { id: 'x', time: 5, data: 2 }, { time: 6, source: 's', data: 3 }])
    expect(stamped(body!.json).events).toEqual([
      { time: 1_732_350_000_000, id: 'made', data: 1 },
      { id: 'x', time: 5, data: 2 },
      { id: 'made', time: 6, source: 's', data: 3 },
    ])
    expect(body!.ids).toEqual(['x'])
  })

  test('C-SPLIT-1 receipts - one for all frames; indexes count through the call', () => {
    const sizes = [1_000, 2]
    const rejected = (index: number) => ({ index, code: 'invalid_data' as const, message: 'no' })
    const first = { at: ['0@e/1-0.0'], rejected: [rejected(7)], duplicate: true }
    const second = { at: ['1@e/2-0.0'], rejected: [rejected(1)], duplicate: false }
    expect(resultOf([first, second], sizes)).toEqual({
      at: ['0@e/1-0.0', '1@e/2-0.0'],
      rejected: [rejected(7), rejected(1_001)],
      duplicate: false,
    })
    expect(resultOf([first, { ...second, duplicate: true }], sizes)).toMatchObject({ duplicate: true })
  })

  test('receipts - of no events say that nothing was stored', () => {
    expect(resultOf([], [])).toEqual({ at: [], rejected: [], duplicate: false })
  })
})
