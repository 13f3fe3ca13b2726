import { type ClientFrame, ERROR_CODES, LANES, LIMITS } from '@tidegate/protocol'
import fc from 'fast-check'
import { ALL_KEYS, ANYBODY, Rights } from '../../../../server/src/access/index.ts'
import { BatchReader, RecordBatchBuilder } from '../../../../server/src/bus/index.ts'
import { checkCommand } from '../../../../server/src/commands/check-command.ts'
import { doubtful, replayFrom, replayStart } from '../../../../server/src/delivery/subscription/start-marks.ts'
import { planSubscription, UNLIMITED } from '../../../../server/src/delivery/subscription/subscription-plan.ts'
import { type CheckedFrame, parseClientFrame } from '../../../../server/src/gateway/client-frame.ts'
import { knownEntries } from '../../../../server/src/gateway/known-entries.ts'
import { checksumOf, eventsText } from '../../../../server/src/ingest/content.ts'
import { validateFrame } from '../../../../server/src/ingest/validate.ts'
import { contract } from '../contract.ts'
import { jsonTexts } from '../json-text.ts'
import { must, target } from '../target.ts'
import * as v from '../values.ts'

const PARTITIONS = 4
const NOW = 1_732_350_000_000
const HEAD = { lastId: `${NOW}-5`, trimmedTo: `${NOW - 1_000}-0` }

export const where = fc.constantFrom(
  'data.temperature > 20',
  'key == "s-1" || !has(data.a)',
  'data.x in [1, "a"]',
  '(',
  'x',
  ' '.repeat(1_024),
)
const from = fc.oneof(
  fc.constantFrom('now', 'latest', 'earliest'),
  v.count.map((time) => ({ time })),
  { weight: 4, arbitrary: v.positions.map((positions) => ({ positions })) },
)
const hello = fc.record(
  {
    type: fc.constant('hello'),
    protocol: fc.constantFrom(1, 1, 2),
    client: fc.constant('fuzz'),
    producer: v.key,
    session: v.count,
    sequence: fc.constantFrom('new', '1732350000000'),
    returning: fc.boolean(),
    epochs: fc.array(v.logEpoch, { maxLength: 4 }),
    acked: fc.array(fc.record({ topic: v.topic, at: v.position }), { maxLength: 4 }),
    windowBytes: v.count,
  },
  { requiredKeys: ['type', 'protocol', 'client'] },
)
const publish = fc.record(
  {
    type: fc.constant('publish'),
    seq: v.count,
    topic: v.topic,
    rejected: fc.array(fc.record({ index: v.count, code: fc.constantFrom('invalid_data', 'nothing') }), {
      maxLength: 2,
    }),
    events: fc.array(v.event, { maxLength: 6 }),
    ageMs: v.count,
  },
  { requiredKeys: ['type', 'seq', 'topic', 'events'] },
)
const subscribe = fc.record(
  {
    type: fc.constant('subscribe'),
    sub: v.count,
    topic: v.selector,
    keys: fc.array(v.key, { maxLength: 4 }),
    where,
    lanes: fc.array(v.lane, { maxLength: 4 }),
    batch: fc.record({ maxMs: fc.nat({ max: 11_000 }), maxEvents: v.count }, { requiredKeys: ['maxMs'] }),
    onSlow: fc.constantFrom('drop-oldest', 'conflate', 'sample', 'disconnect', 'never'),
    maxRate: fc.constantFrom(0.01, 1, 1_000, 1_001),
    from,
    snapshot: fc.boolean(),
  },
  { requiredKeys: ['type', 'sub', 'topic'] },
)
const command = fc.record(
  {
    type: fc.constant('command'),
    id: fc.oneof(fc.constantFrom('c-1', 'http:x', 'then:x'), v.key),
    entity: fc.constantFrom('user', 'user', 'nobody', 'constructor'),
    key: v.key,
    command: fc.constantFrom('changeEmail', 'note', '~import', 'toString'),
    input: fc.oneof(fc.record({ email: v.key }), fc.jsonValue()),
    expectedVersion: v.version,
    after: fc.constantFrom('c-0', 'c-1', 'http:x'),
    deadlineMs: fc.constantFrom(100, 60_000, 99, 60_001),
    ageMs: v.count,
  },
  { requiredKeys: ['type', 'id', 'entity', 'key', 'command', 'input'] },
)
export const query = fc.record(
  {
    type: fc.constant('query'),
    id: v.count,
    name: fc.constantFrom(
      'topics',
      'window',
      'history',
      'gap',
      'entity',
      'entityHistory',
      'findEntities',
      'ledger',
      'other',
    ),
    params: fc.record(
      {
        topic: v.topic,
        name: fc.constantFrom('sensor.1m', 'user', 'nothing'),
        key: v.key,
        lane: v.lane,
        after: fc.oneof(v.position, fc.constantFrom('0:', '3:s-1', '0.0', '3.7', '5')),
        upTo: v.position,
        keys: fc.array(v.key, { maxLength: 3 }),
        where,
        limit: v.count,
        partition: fc.nat({ max: 5 }),
        version: v.count,
        at: v.count,
        minVersion: v.version,
        index: fc.constantFrom('email', 'nothing', '__proto__'),
        value: v.key,
        sub: v.count,
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['type', 'id', 'name'] },
)
const small = fc.oneof(
  fc.record({ type: fc.constantFrom('unsubscribe'), sub: v.count }),
  fc.record(
    {
      type: fc.constantFrom('credit'),
      bytes: v.count,
      subs: fc.dictionary(fc.oneof(fc.nat({ max: 3 }).map(String), v.key), fc.constantFrom(0, null, 1, -1)),
    },
    { requiredKeys: ['type', 'bytes'] },
  ),
  fc.record({ type: fc.constantFrom('pong'), time: v.count }),
  fc.record({ type: fc.constant('token'), token: v.key }),
  fc.record({ type: fc.constantFrom('token', 'dance', '__proto__', 'constructor'), id: v.count }),
)

/** Frames of every type, nearly right. */
export const frames: fc.Arbitrary<string> = jsonTexts(
  fc.oneof(
    { weight: 6, arbitrary: subscribe },
    { weight: 3, arbitrary: publish },
    { weight: 3, arbitrary: query },
    { weight: 2, arbitrary: command },
    { weight: 1, arbitrary: hello },
    { weight: 1, arbitrary: small },
  ),
)

/** The check of a frame, and what is planned behind it before anything is asked of Redis. */
export default target<string>({
  name: 'frames',
  inputs: frames,
  run(text) {
    const checked = parseClientFrame(text)
    if (!checked.ok) return refused(checked)
    plan(checked.frame, text)
  },
  covers: [
    'server/src/gateway/client-frame.ts',
    'server/src/gateway/known-entries.ts',
    'server/src/delivery/subscription/subscription-plan.ts',
    'server/src/delivery/subscription/start-marks.ts',
    'server/src/ingest/validate.ts',
    'server/src/ingest/content.ts',
    'server/src/commands/check-command.ts',
    'server/src/data-depth.ts',
  ],
})

function refused({ code, message, answers }: Extract<CheckedFrame, { ok: false }>): void {
  must(Object.hasOwn(ERROR_CODES, code), `no code: ${code}`)
  must(message.length < 1_024, 'an answer repeats what was sent')
  JSON.stringify({ code, message, answers })
}

function plan(frame: ClientFrame, text: string): void {
  switch (frame.type) {
    case 'hello':
      return void knownEntries(frame.acked ?? [], Rights.EVERYTHING)
    case 'publish':
      return store(frame, text)
    case 'subscribe':
      return subscribeTo(frame)
    case 'command':
      return void checkCommand(contract, { ...frame, expected: undefined, caller: ANYBODY })
  }
}

function store({ topic: name, events, rejected }: Extract<ClientFrame, { type: 'publish' }>, text: string): void {
  checksumOf(name, eventsText(text))
  const topic = contract.topics.get(name)
  if (topic?.kind !== 'source' || events.length > LIMITS.frameEvents) return
  const before = rejected && new Map(rejected.map(({ index, code }) => [index, code]))
  const stamp = {
    now: NOW,
    nextId: () => 'id',
    scope: ALL_KEYS,
    report: () => must(false, 'the rules of a topic failed') as never,
  }
  const { accepted, refused } = validateFrame(topic, events, stamp, before)
  must(accepted.length + refused.length === events.length, 'an event has no fate')
  for (const { event } of refused) must(event.message.length < 1_024, 'an answer repeats what was sent')
  if (accepted.length === 0) return
  const builder = new RecordBatchBuilder()
  builder.addSlice(accepted)
  const { header, payload } = builder.build()
  const batch = new BatchReader({ header, payload, refused: undefined })
  const bodies = batch.bodies()
  must(
    bodies.length === accepted.length && bodies.every(({ key }, i) => key === batch.header.keys[i]),
    'stored events are others',
  )
}

function subscribeTo(frame: Extract<ClientFrame, { type: 'subscribe' }>): void {
  const planned = planSubscription(frame, contract, PARTITIONS, UNLIMITED, Rights.EVERYTHING)
  if (!planned.ok) {
    must(Object.hasOwn(ERROR_CODES, planned.code), `no code: ${planned.code}`)
    must(planned.message.length < 1_500, 'an answer repeats what was sent')
    return
  }
  const { from } = planned
  if (from === 'now' || from === 'latest') return
  const starts = replayFrom(from, planned.plan.topics, [])
  for (const topic of planned.plan.topics) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const heads = { epoch: '1', topics: new Map([[topic, HEAD]]) }
      const missing = doubtful(starts, topic, partition, heads as never)
      const { marks } = replayStart(starts, topic, partition, '1', HEAD as never, missing)
      must(marks.length === LANES.length, 'a lane has no start')
    }
  }
}
