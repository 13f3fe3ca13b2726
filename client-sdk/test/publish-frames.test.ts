import { describe, expect, test } from 'vitest'
import { TidegateError } from '../src/errors.ts'
import { combineReceipts, frameBodies, UNSTAMPED } from '../src/publish-frames.ts'

const events = (count: number, data: unknown = {}) => Array.from({ length: count }, (_, i) => ({ id: `e${i}`, data }))
const stamped = (json: string) => JSON.parse(`{${json.replaceAll(UNSTAMPED, '1732350000000')}}`)
const idsIn = (json: string) => (stamped(json).events as { id: string }[]).map(({ id }) => id)

describe('publish frames', () => {
  test('C-SPLIT-1 split - at 1,000 events, in order', () => {
    const bodies = frameBodies('a.b', events(2_001))
    expect(bodies.map((body) => body.events)).toEqual([1_000, 1_000, 1])
    expect(bodies.flatMap(({ json }) => idsIn(json))).toEqual(events(2_001).map(({ id }) => id))
    expect(stamped(bodies[0]!.json).topic).toBe('a.b')
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

  test('C-SPLIT-1 receipts - one for all frames; indexes count through the call', () => {
    const bodies = frameBodies('a', events(1_002))
    const rejected = (index: number) => ({ index, code: 'invalid_data' as const, message: 'no' })
    const first = { at: ['0@e/1-0.0'], rejected: [rejected(7)], duplicate: true }
    const second = { at: ['1@e/2-0.0'], rejected: [rejected(1)], duplicate: false }
    expect(combineReceipts([first, second], bodies)).toEqual({
      at: ['0@e/1-0.0', '1@e/2-0.0'],
      rejected: [rejected(7), rejected(1_001)],
      duplicate: false,
    })
    expect(combineReceipts([first, { ...second, duplicate: true }], bodies).duplicate).toBe(true)
  })

  test('receipts - of no events say that nothing was stored', () => {
    expect(combineReceipts([], frameBodies('a', []))).toEqual({ at: [], rejected: [], duplicate: false })
  })
})
