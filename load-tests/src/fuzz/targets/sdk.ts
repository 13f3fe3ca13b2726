import { createClient, type SocketConstructor } from '@tidegate/client'
import { CLOSE } from '@tidegate/protocol'
import fc from 'fast-check'
import type { SocketLike } from '../../../../client-sdk/src/connection/socket.ts'
import { jsonTexts } from '../json-text.ts'
import { must, target } from '../target.ts'
import * as v from '../values.ts'

const grant = fc.record({ frames: v.count, bytes: v.count })
const counts = fc.record({ conflated: v.count, sampled: v.count }, { requiredKeys: [] })
const topicCounts = fc.record({ topic: v.topic, lane: v.lane, conflated: v.count }, { requiredKeys: ['topic', 'lane'] })
const delivered = fc.record({ at: v.position, id: v.key, key: v.key, time: v.count, data: fc.jsonValue() })
const part = fc.record(
  {
    ...{ sub: fc.constantFrom(1, 2, 3), topic: v.topic, lane: v.lane, events: fc.array(delivered, { maxLength: 3 }) },
    ...{ snapshot: fc.constantFrom('more', 'end'), conflated: v.count },
  },
  { requiredKeys: ['sub', 'topic', 'lane', 'events'] },
)
const code = fc.constantFrom('invalid_frame', 'unavailable', 'epoch_changed', 'unknown_topic', 'nothing')
const optional = { requiredKeys: [] as never[] }
const sub = fc.constantFrom(1, 2, 3)
const typed = <T extends object>(type: string, fields: fc.Arbitrary<T>) => fields.map((each) => ({ type, ...each }))
const merged = <A extends object, B extends object>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>) =>
  fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }))

const frame = fc.oneof(
  typed(
    'welcome',
    fc.record({
      protocol: fc.constant(1),
      session: v.key,
      node: v.key,
      contract: v.key,
      publish: grant,
      limits: fc.constant({}),
      pingMs: v.count,
    }),
  ),
  typed(
    'ack',
    merged(
      fc.record({ seq: v.count, at: fc.array(v.position, { maxLength: 3 }) }),
      fc.record(
        { duplicate: fc.boolean(), rejected: fc.array(fc.record({ index: v.count, code, message: v.key })) },
        optional,
      ),
    ),
  ),
  typed(
    'reject',
    merged(
      fc.record({ seq: fc.constantFrom(1, 2), code, message: v.key }),
      fc.record({ retryAfterMs: v.count, epochs: fc.array(v.logEpoch) }, optional),
    ),
  ),
  typed('epoch', fc.record({ at: fc.array(v.logEpoch, { maxLength: 3 }) })),
  typed(
    'subscribed',
    merged(
      fc.record({ sub, positions: v.positions, recovered: fc.boolean(), onSlow: fc.constant('conflate') }),
      fc.record({ snapshot: fc.constant(true), maxRate: v.count }, optional),
    ),
  ),
  typed('unsubscribed', fc.record({ sub, code: fc.constantFrom('ok', 'topic_removed') })),
  typed('batch', fc.record({ parts: fc.array(part, { maxLength: 3 }) })),
  typed(
    'gap',
    merged(
      fc.record({
        sub,
        topic: v.topic,
        lane: v.lane,
        upTo: v.position,
        count: fc.constantFrom(null, 1),
        reason: fc.constant('overflow'),
        fetchable: fc.boolean(),
      }),
      counts,
    ),
  ),
  typed(
    'progress',
    merged(
      fc.record({ sub, positions: v.positions }),
      fc.record({ counts: fc.array(topicCounts, { maxLength: 2 }) }, optional),
    ),
  ),
  typed('ping', fc.record({ time: v.count })),
  typed(
    'result',
    merged(
      fc.record({ id: fc.constantFrom(1, 2), data: fc.jsonValue() }),
      fc.record({ complete: fc.boolean(), next: v.key }, optional),
    ),
  ),
  typed(
    'answer',
    fc.oneof(
      merged(
        fc.record({
          id: fc.constant('c-1'),
          status: fc.constant('done'),
          version: v.count,
          epoch: fc.constant('1'),
          events: fc.array(fc.record({ type: v.key }), { maxLength: 2 }),
        }),
        fc.record({ position: v.position, reply: fc.jsonValue() }, optional),
      ),
      merged(
        fc.record({ id: fc.constant('c-1'), status: fc.constant('rejected'), code, message: v.key }),
        fc.record({ retryAfterMs: v.count, path: v.key }, optional),
      ),
    ),
  ),
  typed(
    'error',
    merged(
      fc.record({ code, message: v.key, retryable: fc.boolean() }),
      fc.record({ id: fc.constantFrom(1), sub }, optional),
    ),
  ),
  typed('slow', fc.record({ retryAfterMs: v.count, publish: grant })),
  typed(
    'bus',
    fc.record({ class: fc.constantFrom('append', 'tail'), state: fc.constantFrom('open', 'closed'), since: v.count }),
  ),
  typed('drain', fc.record({ reconnectInMs: v.count, deadlineMs: v.count, reason: v.key })),
  typed('later', fc.record({ anything: fc.jsonValue() })),
)

const WELCOME = JSON.stringify({
  ...{
    type: 'welcome',
    protocol: 1,
    session: 's',
    node: 'n',
    contract: 'c',
    time: 1_732_350_000_000,
    publish: { frames: 64, bytes: 1_048_576 },
  },
  ...{ limits: { frameBytes: 1_048_576, frameEvents: 1_000 }, pingMs: 15_000 },
})

/** Frames of a server, well or badly meant, to a client that has something open of everything. */
export default target<readonly string[]>({
  name: 'sdk',
  inputs: fc.array(jsonTexts(frame), { minLength: 1, maxLength: 4 }),
  async run(texts) {
    let socket: FakeSocket | undefined
    const WebSocket = class extends FakeSocket {
      constructor() {
        super()
        socket ??= this
      }
    } as unknown as SocketConstructor
    const client = createClient({ url: 'ws://server.invalid', WebSocket })
    client.onBus(() => {})
    const callback = client.subscribe('sensor.reading' as never, {}, () => {})
    callback.onGap(() => {})
    const iterated = client.subscribe('sensor.1m' as never, { snapshot: true, from: 'latest' })
    const handle = client.entity('user' as never, 's-1')
    handle.onChange(() => {})
    const calls = [
      client.publish('sensor.reading' as never, { data: {} } as never),
      client.query('topics'),
      client.command('user' as never, 's-1', 'changeEmail' as never, {} as never, { id: 'c-1' }),
    ]
    const settled = Promise.allSettled([...calls, callback.ready, iterated.ready, handle.ready])
    socket!.onopen?.()
    socket!.onmessage?.({ data: WELCOME })
    for (const data of texts) socket!.onmessage?.({ data })
    must(
      socket!.sent.every((text) => typeof JSON.parse(text).type === 'string'),
      'what was sent is no frame',
    )
    JSON.stringify([callback.positions, iterated.positions])
    callback.close()
    handle.close()
    iterated.close()
    // Quicker than a deadline: the server closes for good, unless the client has left it.
    if (socket!.onmessage !== null) socket!.onclose!({ code: CLOSE.version, reason: '' })
    else await client.close({ deadlineMs: 0 })
    for (const call of await settled) {
      if (call.status === 'rejected') must(NAMES.has((call.reason as Error).name), `a call ends with ${call.reason}`)
    }
  },
  covers: [
    'connection/frame-event',
    'frames/server-frame',
    'client',
    'subscriptions/subscription',
    'subscriptions/subscriptions',
    'publishing/publisher',
    'reads/queries',
    'subscriptions/position-vector',
    'commands/commands',
    'entities/entity-handle',
    'subscriptions/gap',
  ].map((name) => `client-sdk/src/${name}.ts`),
})

const NAMES: ReadonlySet<string> = new Set(['TidegateError', 'CommandRejected'])

class FakeSocket implements SocketLike {
  readonly readyState = 1
  readonly sent: string[] = []
  onopen: (() => void) | null = null
  onmessage: ((message: { readonly data: unknown }) => void) | null = null
  onclose: ((close: { readonly code: number; readonly reason: string }) => void) | null = null
  onerror: (() => void) | null = null

  send(data: string): void {
    this.sent.push(data)
  }

  close(): void {}
}
