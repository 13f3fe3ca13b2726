import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ALL_KEYS, Rights } from '../../src/access/index.ts'
import { BatchReader, RecordBatchBuilder } from '../../src/bus/index.ts'
import { validator } from '../../src/config/schema/schema.ts'
import { replayFrom, replayStart } from '../../src/delivery/subscription/start-marks.ts'
import { planSubscription, UNLIMITED } from '../../src/delivery/subscription/subscription-plan.ts'
import { tokenise } from '../../src/filter/lexer.ts'
import { parseClientFrame } from '../../src/gateway/client-frame.ts'
import { readBinaryCloudEvent } from '../../src/gateway/http/cloud-event.ts'
import { isIdempotencyKey } from '../../src/gateway/http/idempotency-key.ts'
import { parseMediaType } from '../../src/gateway/http/media-type.ts'
import { paramsOf } from '../../src/gateway/http/params.ts'
import { readRequestBody } from '../../src/gateway/http/request-events.ts'
import { byTopic } from '../../src/gateway/http/topic-group.ts'
import { readStreamRequest } from '../../src/gateway/sse/stream-request.ts'
import { headerLines } from '../../src/gateway/transport/node/header-lines.ts'
import { readRequestHead } from '../../src/gateway/transport/request-head.ts'
import { validateFrame } from '../../src/ingest/validate.ts'
import { contract, readingOf } from '../support/contract.ts'
import { growsTooFast } from '../support/growth.ts'

const names = (count: number) => Array.from({ length: count }, (_, i) => i.toString(36))
const search = (count: number) => new URLSearchParams(names(count).map((name) => [name, '']))
const head = (query: string, headers: [string, string][] = []) =>
  readRequestHead({
    method: 'GET',
    authority: undefined,
    path: '/',
    query,
    version: '1.1',
    headers: [['host', 'a'], ...headers],
  })
const frame = (text: string) => () => parseClientFrame(text)
const subscribe = (fields: object) => frame(JSON.stringify({ type: 'subscribe', sub: 1, topic: '>', ...fields }))
const stamp = { scope: ALL_KEYS, now: 0, nextId: () => 'id', report: () => 'defect' }
const reading = contract.topics.get('sensor.reading')!

/** What a client may send more of, and what reads it. */
const WORK: readonly (readonly [what: string, prepare: (size: number) => () => unknown])[] = [
  ['names of a query', (n) => () => paramsOf(search(n))],
  ['one name of a query', (n) => () => paramsOf(new URLSearchParams('a=1&'.repeat(n)))],
  ['names of a stream', (n) => () => readStreamRequest({ query: search(n), header: () => undefined })],
  ['pairs of a query', (n) => () => head(names(n).join('&'))],
  ['encoded characters of a query', (n) => () => head('%20'.repeat(n))],
  ['blanks in a content type', (n) => () => parseMediaType(`a/b;${' '.repeat(n)}x`)],
  ['blanks behind a content type', (n) => () => parseMediaType(`a/b${' '.repeat(n)}x`)],
  [
    'parameters of a content type',
    (n) => () =>
      parseMediaType(
        `a/b${names(n)
          .map((name) => `;x${name}=1`)
          .join('')}`,
      ),
  ],
  ['escapes in a content type', (n) => () => parseMediaType(`a/b;c="${'\\a'.repeat(n)}`)],
  ['slashes of a content type', (n) => () => parseMediaType(`${'a/'.repeat(n)}`)],
  ['escapes in an attribute', (n) => () => readBinaryCloudEvent(() => `"${'\\a'.repeat(n)}`, {})],
  ['encoded characters of an attribute', (n) => () => readBinaryCloudEvent(() => '%c3%a9'.repeat(n), {})],
  ['an idempotency key', (n) => () => isIdempotencyKey('a'.repeat(n))],
  ['header lines', (n) => () => head('', headerLines(names(n).flatMap((name) => [name, 'é'])) as [string, string][])],
  [
    'header lines of one name',
    (n) => () =>
      head(
        '',
        names(n).map((value) => ['x', value]),
      ),
  ],
  ['transfer codings', (n) => () => head('', [['transfer-encoding', 'gzip,'.repeat(n)]])],
  ['words of a filter', (n) => () => tokenise('a '.repeat(n))],
  ['a text in a filter', (n) => () => tokenise(`"${'a'.repeat(n)}"`)],
  ['escapes in a filter', (n) => () => tokenise(`"${'\\u0061'.repeat(n)}"`)],
  ['digits of a filter', (n) => () => tokenise('1'.repeat(300) + ' 1'.repeat(n))],
  [
    'topics of positions',
    (n) =>
      subscribe({
        from: { positions: Object.fromEntries(names(n).map((name) => [`t${name}`, { low: ['0@1/1-0.0'] }])) },
      }),
  ],
  ['unknown fields', (n) => subscribe(Object.fromEntries(names(n).map((name) => [`x${name}`, 1])))],
  [
    'epochs',
    (n) => frame(JSON.stringify({ type: 'hello', protocol: 1, client: 'x', epochs: names(n).map(() => '0@1') })),
  ],
  ['deep arrays', (n) => frame('['.repeat(n))],
  [
    'topics of a plan',
    (n) => () =>
      planSubscription(
        {
          type: 'subscribe',
          sub: 1,
          topic: '>',
          from: { positions: Object.fromEntries(names(n).map((name) => [name, { low: ['0@1/1-0.0'] }])) },
        },
        contract,
        4,
        UNLIMITED,
        Rights.EVERYTHING,
      ),
  ],
  [
    'topics of a body',
    (n) => {
      const items = names(n).map((name) => ({ kind: 'event' as const, topic: name, event: { data: {} } }))
      return () => byTopic(items)
    },
  ],
  ['items of a body', (n) => () => readRequestBody(() => undefined, Buffer.from(`[${'{},'.repeat(n)}{}]`))],
  [
    'ids of a frame',
    (n) => {
      const events = names(n / 8).map((id) => ({ ...readingOf('s'), id }))
      return () => reading.kind === 'source' && validateFrame(reading, events, stamp)
    },
  ],
  [
    'events of a batch',
    (n) => {
      const builder = new RecordBatchBuilder()
      for (let i = 0; i < n / 8; i++) builder.addSlice([{ key: 'k', lane: 'low', time: i, json: '{}' }])
      const batch = {
        ...builder.build(),
        refused: names(n / 8)
          .map((_, i) => i)
          .join(),
      }
      return () => new BatchReader(batch).acceptedBodies()
    },
  ],
]

describe('work', () => {
  it.each(WORK)('G-COST-1 %s - the work grows with their number, not with its square', (_, prepare) => {
    expect(growsTooFast(prepare)).toBeUndefined()
  })

  it('G-COST-4 an answer does not repeat what it refuses', () => {
    const long = 'x'.repeat(60_000)
    const typed = (type: string) =>
      readRequestBody((name) => (name === 'content-type' ? type : undefined), Buffer.from('{}'))
    const refused =
      reading.kind === 'source'
        ? validateFrame(reading, [{ data: { sensorId: { [long]: 1 } } }, { data: { [long]: 1 } }], stamp).refused
        : []
    const strict = validator(z.strictObject({ list: z.record(z.literal('a'), z.number()).optional() }))
    for (const answer of [
      typed(`${long}`),
      typed(`a/b;charset=${long}`),
      refused,
      strict({ [long]: 1 }),
      strict({ list: { [long]: '1' } }),
    ]) {
      expect(JSON.stringify(answer).length).toBeLessThan(2_000)
    }
  })

  it('G-COST-2 the positions of a resume are read once, whatever the number of partitions', () => {
    const resume = (partitions: number) => {
      const all = Array.from({ length: partitions }, (_, i) => `${i}@1/1-0.0`)
      const from = { positions: { 'sensor.reading': { high: all, normal: all, low: all } } }
      const starts = replayFrom(from, ['sensor.reading'], [])
      const marks = all.map(
        (_, partition) =>
          replayStart(starts, 'sensor.reading', partition, '1', { lastId: '5-0', trimmedTo: '0-0' }).marks,
      )
      expect(marks.every(([high, , low]) => high.streamId === '1-0' && low.streamId === '1-0')).toBe(true)
    }
    expect(growsTooFast((size) => () => resume(size / 16))).toBeUndefined()
  })
})
