import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  ANSWER_ERROR_CODES,
  CLOSE,
  type ClientFrame,
  COMMAND_CODES,
  closeAdvice,
  DEFAULTS,
  ERROR_CODES,
  type ErrorCode,
  LIMITS,
  RESERVED_IDS,
  RETRYABLE,
  type ServerFrame,
} from '../src/index.ts'

const DOCUMENT = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8')

/** Of all variants of a frame together. */
type KeysOf<Frame> = Frame extends unknown ? keyof Frame : never
type PresenceInEach<Frame, Field> = Frame extends unknown
  ? Field extends keyof Frame
    ? object extends Pick<Frame, Field>
      ? 'optional'
      : 'required'
    : 'optional'
  : never
type Presence<Frame, Field> = 'optional' extends PresenceInEach<Frame, Field> ? 'optional' : 'required'
/** Every type with every field, as the source has them: `tsc` refuses one too many, one too few and one of the other presence. */
type FieldsOf<Frame extends { readonly type: string }> = {
  readonly [Type in Frame['type']]: {
    readonly [Field in Exclude<KeysOf<Extract<Frame, { type: Type }>>, 'type'>]: Presence<
      Extract<Frame, { type: Type }>,
      Field
    >
  }
}

const CLIENT_FRAMES: FieldsOf<ClientFrame> = {
  hello: {
    protocol: 'required',
    client: 'required',
    token: 'optional',
    producer: 'optional',
    session: 'optional',
    sequence: 'optional',
    returning: 'optional',
    epochs: 'optional',
    acked: 'optional',
    windowBytes: 'optional',
  },
  publish: {
    seq: 'required',
    topic: 'required',
    rejected: 'optional',
    end: 'optional',
    events: 'required',
    ageMs: 'optional',
    trace: 'optional',
  },
  subscribe: {
    sub: 'required',
    topic: 'required',
    keys: 'optional',
    where: 'optional',
    lanes: 'optional',
    batch: 'optional',
    onSlow: 'optional',
    maxRate: 'optional',
    from: 'optional',
    snapshot: 'optional',
    state: 'optional',
  },
  unsubscribe: { sub: 'required' },
  credit: { bytes: 'required', subs: 'optional' },
  token: { token: 'required' },
  pong: { time: 'required' },
  query: { id: 'required', name: 'required', params: 'optional', deadlineMs: 'optional' },
  command: {
    id: 'required',
    entity: 'required',
    key: 'required',
    command: 'required',
    input: 'required',
    expectedVersion: 'optional',
    epoch: 'optional',
    after: 'optional',
    deadlineMs: 'optional',
    ageMs: 'optional',
    traceparent: 'optional',
    tracestate: 'optional',
  },
}

const SERVER_FRAMES: FieldsOf<ServerFrame> = {
  welcome: {
    protocol: 'required',
    session: 'required',
    node: 'required',
    contract: 'required',
    time: 'required',
    publish: 'required',
    limits: 'required',
    pingMs: 'required',
    sequence: 'optional',
    expiresInMs: 'optional',
  },
  authorized: { expiresInMs: 'optional' },
  ack: { seq: 'required', at: 'required', rejected: 'optional', duplicate: 'optional' },
  reject: { seq: 'required', code: 'required', message: 'required', retryAfterMs: 'optional', epochs: 'optional' },
  epoch: { at: 'required' },
  subscribed: {
    sub: 'required',
    positions: 'required',
    recovered: 'required',
    snapshot: 'optional',
    onSlow: 'required',
    maxRate: 'optional',
  },
  unsubscribed: { sub: 'required', code: 'required', counts: 'optional' },
  batch: { parts: 'required' },
  gap: {
    sub: 'required',
    topic: 'required',
    lane: 'required',
    after: 'optional',
    upTo: 'required',
    count: 'required',
    conflated: 'optional',
    sampled: 'optional',
    reason: 'required',
    fetchable: 'required',
  },
  progress: { sub: 'required', positions: 'required', counts: 'optional' },
  ping: { time: 'required' },
  result: { id: 'required', data: 'required', complete: 'optional', next: 'optional' },
  answer: {
    id: 'required',
    status: 'required',
    version: 'optional',
    epoch: 'optional',
    events: 'optional',
    reply: 'optional',
    code: 'optional',
    message: 'optional',
    path: 'optional',
    retryAfterMs: 'optional',
    position: 'optional',
  },
  error: {
    id: 'optional',
    sub: 'optional',
    code: 'required',
    message: 'required',
    retryable: 'required',
    retryAfterMs: 'optional',
  },
  slow: { retryAfterMs: 'required', publish: 'required' },
  bus: { class: 'required', state: 'required', since: 'required', retryAfterMs: 'optional' },
  drain: { reconnectInMs: 'required', deadlineMs: 'required', reason: 'required' },
}

/** The text under a heading, up to the next of its level. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)![0]
  const start = DOCUMENT.indexOf(`\n${heading}\n`)
  expect(start, heading).toBeGreaterThanOrEqual(0)
  const rest = DOCUMENT.slice(start + heading.length + 2)
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'))
  return end === -1 ? rest : rest.slice(0, end)
}

/** Cells of the rows of the first table, without its head; code marks taken off. */
function table(text: string): string[][] {
  const lines = text.split('\n')
  const first = lines.findIndex((line) => line.startsWith('|'))
  const after = lines.slice(first).findIndex((line) => !line.startsWith('|'))
  return lines.slice(first + 2, first + after).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  )
}

const headings = (text: string) => [...text.matchAll(/^### `(\w+)`$/gm)].map(([, type]) => type!)

describe.each([
  ['## Client frames', CLIENT_FRAMES],
  ['## Server frames', SERVER_FRAMES],
] as const)('PROTOCOL.md %s', (heading, frames) => {
  test('P-DOC-1 types - are those of the source', () => {
    expect(headings(section(heading))).toEqual(Object.keys(frames))
  })

  test.each(Object.entries(frames))(
    'P-DOC-1 P-DOC-2 %s - has the fields of the source, and an example with them',
    (type, fields) => {
      const text = section(`### \`${type}\``)
      expect(Object.fromEntries(table(text).map(([field, presence]) => [field, presence]))).toEqual(fields)
      const example = JSON.parse(/```json\n([^`]*)\n```/.exec(text)![1]!) as Record<string, unknown>
      expect(Object.keys(example)[0]).toBe('type')
      expect(example.type).toBe(type)
      const { type: _, ...given } = example
      expect(Object.keys(fields)).toEqual(expect.arrayContaining(Object.keys(given)))
      const required = Object.entries(fields).filter(([, presence]) => presence === 'required')
      expect(Object.keys(given)).toEqual(expect.arrayContaining(required.map(([field]) => field)))
    },
  )
})

describe('PROTOCOL.md tables', () => {
  test('P-DOC-1 reserved command ids - are those of the source', () => {
    const [, listed] = /bytes that do not begin with ([^,]*(?:, `[^,]*)*),\s/.exec(DOCUMENT)!
    expect(listed!.match(/`[^`]*`/g)).toEqual(Object.values(RESERVED_IDS).map((prefix) => `\`${prefix}\``))
  })

  test.each([
    ['## Limits', LIMITS],
    ['## Defaults', DEFAULTS],
  ])('P-DOC-1 %s - have the values of the source', (heading, values) => {
    expect(table(section(heading)).map(([name, value]) => [name, Number(value)])).toEqual(Object.entries(values))
  })

  test('P-DOC-1 error codes - all of them, with whether to send again', () => {
    const expected = Object.keys(ERROR_CODES).map((code) => [code, RETRYABLE.has(code as ErrorCode) ? 'yes' : 'no'])
    expect(table(section('## Error codes')).map(([code, , again]) => [code, again])).toEqual(expected)
  })

  test('P-DOC-1 answer codes - all of them', () => {
    const expected = [...Object.keys(COMMAND_CODES), ...ANSWER_ERROR_CODES]
    expect(table(section('## Answer codes')).map(([code]) => code)).toEqual(expected)
  })

  test('P-DOC-1 close codes - all of them, with what to do', () => {
    const ADVICE = { retry: 'come back', new_token: 'come back with a new token', stop: 'stop' }
    const expected = Object.entries(CLOSE).map(([name, code]) => [`${code}`, name, ADVICE[closeAdvice(code)]])
    expect(table(section('## Close codes')).map(([code, name, , advice]) => [code, name, advice])).toEqual(expected)
  })
})
