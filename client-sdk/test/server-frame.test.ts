import { describe, expect, test } from 'vitest'
import { COMMAND_CHECKS } from '../src/commands/commands.ts'
import { isDelay } from '../src/frames/checks.ts'
import { CONNECTION_CHECKS, readServerFrame } from '../src/frames/server-frame.ts'
import { PUBLISH_CHECKS } from '../src/publishing/publisher.ts'
import { QUERY_CHECKS } from '../src/reads/queries.ts'
import { PositionVector } from '../src/subscriptions/position-vector.ts'
import { SUBSCRIPTION_CHECKS } from '../src/subscriptions/subscriptions.ts'
import { welcome } from './support/welcome.ts'

const CHECKS = { ...CONNECTION_CHECKS, ...SUBSCRIPTION_CHECKS, ...QUERY_CHECKS, ...PUBLISH_CHECKS, ...COMMAND_CHECKS }
const AT = '0@e/1-0.0'
const GRANT = { frames: 1, bytes: 1 }
const EVENT = { at: AT, id: 'e', key: 'k', time: 1, data: null }
const PART = { sub: 1, topic: 't', lane: 'low', events: [EVENT] }

/** A right frame of each type, and what its fields must not be. */
const FRAMES: readonly (readonly [
  right: Readonly<Record<string, unknown>>,
  wrong: Readonly<Record<string, readonly unknown[]>>,
])[] = [
  [
    { ...welcome() },
    {
      publish: [undefined, null, { frames: 1 }],
      pingMs: [undefined, '1', 0, -1, 1e9],
      sequence: [1],
      expiresInMs: ['1'],
    },
  ],
  [
    { type: 'ack', seq: 1, at: [AT] },
    { seq: ['1', null], at: [undefined, '', ['x'], [1]], rejected: [{}, [null], [{ index: 1 }]] },
  ],
  [
    { type: 'reject', seq: 1, code: 'fenced', message: '' },
    { code: [undefined, 1], message: [null], retryAfterMs: ['1', -1, 1e12], epochs: ['', ['x']] },
  ],
  [{ type: 'epoch', at: ['0@e'] }, { at: [undefined, ['0']] }],
  [
    { type: 'subscribed', sub: 1, positions: {} },
    { sub: [undefined], positions: [undefined, [], { t: [] }, { t: { low: AT } }, { t: { low: [1] } }] },
  ],
  [
    { type: 'unsubscribed', sub: 1, code: 'ok' },
    { sub: ['1'], code: [undefined] },
  ],
  [
    { type: 'batch', parts: [PART] },
    {
      parts: [
        undefined,
        {},
        [null],
        [{ ...PART, lane: 'x' }],
        [{ ...PART, events: [null] }],
        [{ ...PART, events: [{}] }],
        [{ ...PART, conflated: '1' }],
      ],
    },
  ],
  [
    { type: 'gap', sub: 1, topic: 't', lane: 'low', upTo: AT, count: 1, reason: 'overflow', fetchable: true },
    {
      topic: [undefined],
      lane: ['x'],
      upTo: ['x', undefined],
      after: ['x'],
      conflated: [{}],
      count: [{}, undefined, '1'],
    },
  ],
  [
    { type: 'progress', sub: 1, positions: {} },
    { positions: [null], counts: [{}, [null], [{ sampled: '1' }]] },
  ],
  [{ type: 'authorized' }, { expiresInMs: [null, '1'] }],
  [{ type: 'ping', time: 1 }, { time: [undefined, '1'] }],
  [
    { type: 'result', id: 1, data: null },
    { id: [undefined], next: [1] },
  ],
  [
    { type: 'answer', id: 'c', status: 'done', version: 1, epoch: 'e', events: [] },
    { id: [1], status: ['other'], version: ['1'], epoch: [1], events: [{}, [null]], position: ['x'] },
  ],
  [
    { type: 'answer', id: 'c', status: 'rejected', code: 'x', message: '' },
    { code: [1], message: [undefined], retryAfterMs: [1e12, null], path: [1] },
  ],
  [
    { type: 'error', code: 'internal', message: '', retryable: false },
    { code: [1], id: ['1'], sub: ['1'] },
  ],
  [
    { type: 'slow', retryAfterMs: 0, publish: GRANT },
    { retryAfterMs: [undefined, -1], publish: [undefined] },
  ],
  [
    { type: 'bus', class: 'append', state: 'open', since: 1 },
    { class: [1], state: [undefined] },
  ],
  [{ type: 'drain', reconnectInMs: 1, deadlineMs: 1, reason: '' }, { reconnectInMs: [undefined, 1e12, '1'] }],
]

describe('server frame', () => {
  test.each(FRAMES)('C-FRAME-2 readServerFrame - takes $type, and none of it with a wrong field', (right, wrong) => {
    expect(readServerFrame(JSON.stringify(right), CHECKS)).toEqual(right)
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        const text = JSON.stringify({ ...right, [name]: value })
        expect([text, readServerFrame(text, CHECKS)]).toEqual([text, undefined])
      }
    }
  })

  test('C-FRAME-1 readServerFrame - takes types that it does not know, whatever they are called', () => {
    for (const type of ['novelty', 'constructor', '__proto__']) {
      expect(readServerFrame(`{"type":"${type}"}`, CHECKS)).toEqual({ type })
    }
    for (const text of ['', '[]', '{}', '{"type":1}']) expect(readServerFrame(text, CHECKS)).toBeUndefined()
  })

  test('C-FRAME-2 isDelay - at most a day', () => {
    expect([0, 1.5, 86_400_000].map(isDelay)).toEqual([true, true, true])
    expect([-1, 86_400_001, Number.NaN, null, '1'].map(isDelay)).toEqual([false, false, false, false, false])
  })

  test('C-FRAME-2 position vector - a topic may be called like a member of every object', () => {
    const vector = new PositionVector()
    vector.merge(JSON.parse(`{"__proto__":{"low":["${AT}"]}}`))
    expect(JSON.stringify(vector.toWire())).toBe(`{"__proto__":{"low":["${AT}"]}}`)
  })
})
