import { ERROR_CODES } from '@tidegate/protocol'
import fc from 'fast-check'
import { ALL_KEYS } from '../../../../server/src/access/index.ts'
import { requestContent } from '../../../../server/src/gateway/http/keyed-request.ts'
import { parseMediaType } from '../../../../server/src/gateway/http/media-type.ts'
import { readRequestBody } from '../../../../server/src/gateway/http/request-events.ts'
import { parseRfc3339 } from '../../../../server/src/gateway/http/rfc3339.ts'
import { byTopic } from '../../../../server/src/gateway/http/topic-group.ts'
import { validateFrame } from '../../../../server/src/ingest/validate.ts'
import { contract } from '../contract.ts'
import { edited, jsonTexts } from '../json-text.ts'
import { NASTY_TEXTS } from '../nasty.ts'
import { must, target } from '../target.ts'
import * as v from '../values.ts'

interface BodyInput {
  readonly headers: Readonly<Record<string, string>>
  /** Base64: it need not be UTF-8. */
  readonly body: string
}

const rfc3339 = fc.oneof(
  fc.constantFrom(
    '2026-11-23T12:00:00Z',
    '2026-06-30T23:59:60Z',
    '2024-02-29t00:00:00.123456789+23:59',
    '0000-01-01T00:00:00-00:01',
  ),
  edited(fc.constant('2026-11-23T12:00:00.5Z')),
  fc.constantFrom(`2026-11-23T12:00:00.${'1'.repeat(65_536)}`, ...NASTY_TEXTS),
)
const plain = fc.tuple(v.event, v.topic).map(([event, topic]) => ({ topic, ...event }))
const cloud = fc.record(
  {
    specversion: fc.constantFrom('1.0', '1.0', '0.3'),
    type: v.topic,
    id: v.key,
    source: v.key,
    time: rfc3339,
    datacontenttype: fc.constantFrom('application/json', 'text/plain', null),
    data: v.data,
    data_base64: fc.constantFrom(null, 'YQ=='),
  },
  { requiredKeys: ['specversion', 'type', 'id', 'source', 'data'] },
)
const contentType = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/cloudevents+json',
    'application/cloudevents-batch+json; charset=utf-8',
  ),
  fc.constantFrom(
    'application/cloudevents+xml',
    'text/plain;charset="utf-16"',
    'application/json;a="\\"";b=c',
    'a/b;;c=d',
  ),
  edited(fc.constant('application/cloudevents+json; charset=utf-8; x="a b"')),
  fc.constantFrom(
    `a/b${' '.repeat(4_000)}x`,
    `a/b;${' '.repeat(4_000)}x`,
    `a/b;c="${'\\a'.repeat(2_000)}`,
    `a/b${';a=b'.repeat(1_000)}`,
    `${'a'.repeat(4_000)}/`,
  ),
)
const headerText = fc.oneof(
  fc.constantFrom('1.0', 'sensor.reading', 'e-1', '"a\\"b"', '%F0%9F%98%80', '%ff', '%', `"${'\\'.repeat(4_000)}`),
  edited(fc.constant('"a%20b"')),
)
const headers = fc.record(
  {
    'content-type': contentType,
    'content-encoding': fc.constantFrom('identity', 'gzip', ',', ' identity ,'),
    'ce-specversion': fc.constantFrom('1.0', '"1.0"'),
    'ce-type': v.topic as fc.Arbitrary<string>,
    'ce-id': headerText,
    'ce-source': headerText,
    'ce-time': rfc3339,
  },
  { requiredKeys: [] },
)
const texts = fc.oneof(
  jsonTexts(fc.oneof(plain, fc.array(plain, { maxLength: 5 }))),
  jsonTexts(fc.oneof(cloud, fc.array(cloud, { maxLength: 5 }))),
  jsonTexts(v.data),
  fc.constantFrom('', '\ufeff{}', '[]', `[${'{},'.repeat(1_000)}{}]`),
)
const bytes = fc.oneof(
  { weight: 9, arbitrary: texts.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)) },
)

export const bodies: fc.Arbitrary<BodyInput> = fc
  .tuple(headers, bytes)
  .map(([given, body]) => ({ headers: given, body: body.toString('base64') }))

/** Bodies of `POST /v1/events`: events and CloudEvents in their three modes, up to what is stored of them. */
export default target<BodyInput>({
  name: 'bodies',
  inputs: bodies,
  run({ headers: given, body }) {
    const header = (name: string) => given[name]
    const content = Buffer.from(body, 'base64')
    requestContent(header, content)
    const type = given['content-type']
    if (type !== undefined) parseMediaType(type)
    const time = given['ce-time'] === undefined ? undefined : parseRfc3339(given['ce-time'])
    if (time !== undefined) must(Number.isSafeInteger(time), 'a time is no number of ms')
    const read = readRequestBody(header, content)
    if (!read.ok) {
      must(Object.hasOwn(ERROR_CODES, read.code), `no code: ${read.code}`)
      must(read.message.length < 1_024, 'an answer repeats what was sent')
      return
    }
    for (const { topic: name, events } of byTopic(read.items)) {
      const topic = contract.topics.get(name)
      if (topic?.kind !== 'source') continue
      const stamp = {
        now: 1_732_350_000_000,
        nextId: () => 'id',
        scope: ALL_KEYS,
        report: () => must(false, 'the rules of a topic failed') as never,
      }
      const { accepted, refused } = validateFrame(topic, events, stamp)
      must(accepted.length + refused.length === events.length, 'an event has no fate')
    }
  },
  covers: [
    'media-type',
    'request-events',
    'request-content',
    'cloud-event',
    'rfc3339',
    'topic-group',
    'request-item',
  ].map((name) => `server/src/gateway/http/${name}.ts`),
})
