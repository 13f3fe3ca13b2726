import { createClient } from '@tidegate/client/node'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { command, defineConfig, entity, topic } from '../../src/index.ts'
import { startWorker } from '../../src/worker-app.ts'
import { startTestGateway } from '../support/gateway.ts'
import { useTracing } from './test-tracing.ts'

const reading = topic('probe.reading', { schema: z.object({ id: z.string(), value: z.number() }), key: 'id' })
const doubled = reading.map(({ id, value }) => ({ id, value: 2 * value })).to('probe.doubled', { version: 1 })
const counted = reading.window('probe.counted', {
  tumbling: '1h',
  emit: { every: '1s' },
  aggregate: { count: 'count' },
})
const mailbox = entity('mailbox', {
  key: 'id',
  version: 1,
  state: { initial: { mails: 0 as number } },
  events: { received: z.object({ from: z.string() }) },
  evolve: { received: ({ mails }) => ({ mails: mails + 1 }) },
  commands: {
    receive: {
      input: z.object({ from: z.string() }),
      by: 'both',
      decide: (_, { from }) => [{ type: 'received', data: { from } }],
    },
  },
  publish: ['events'],
})
const account = entity('account', {
  key: 'id',
  version: 1,
  state: { initial: { plan: '' as string } },
  events: { opened: z.object({ plan: z.string() }), told: z.object({}) },
  evolve: { opened: (_, { plan }) => ({ plan }), told: (state) => state },
  rejections: ['no_plan'],
  commands: {
    open: {
      input: z.object({ plan: z.string() }),
      decide: (_, { plan }) => [{ type: 'opened', data: { plan } }],
    },
  },
  // biome-ignore lint/suspicious/noThenProperty: an option, and no function
  then: { 'account.opened': (_, { key }) => [command('mailbox', `of-${key}`, 'receive', { from: key })] },
  outcome: () => [{ type: 'told', data: {} }],
  publish: ['events'],
})
const { contract } = defineConfig({ topics: [reading, doubled, counted], entities: [account, mailbox] })

const tracing = useTracing()
const { api } = tracing
const server = await startTestGateway(contract, { tracing })
const settings = { redisUrl: server.redis.url, partitions: 4, workerId: 'w-1', log: () => {}, tracing }
const worker = await startWorker(settings, contract)
const publisher = createClient<unknown>({ url: server.url, tracer: tracing.tracer })
const consumer = createClient<unknown>({ url: server.url })
afterAll(async () => {
  await Promise.all([publisher.close(), consumer.close()])
  await worker.close({ deadlineMs: 1_000 })
  await server.close()
})

/** Consumes topics as an application that is traced does. @returns the events */
async function consumed(...topics: readonly string[]) {
  const events: { topic: string; key: string; traceparent?: string }[] = []
  const subscriptions = topics.map((name) =>
    consumer.subscribe(name, (event) => {
      events.push(event)
      const parent = api.propagation.extract(api.context.active(), event)
      tracing.tracer.startSpan(`process ${event.topic}`, { kind: api.SpanKind.CONSUMER }, parent).end()
    }),
  )
  await Promise.all(subscriptions.map(({ ready }) => ready))
  return events
}

api.propagation.setGlobalPropagator({
  inject: () => {},
  fields: () => ['traceparent'],
  extract: (context, carrier) => {
    const [, traceId, spanId, flags] = String((carrier as { traceparent?: string }).traceparent).split('-')
    if (flags === undefined) return context
    return api.trace.setSpanContext(context, {
      traceId: traceId!,
      spanId: spanId!,
      traceFlags: Number(flags),
      isRemote: true,
    })
  },
})
afterAll(() => api.propagation.disable())

const ofKey = <Event extends { key: string }>(events: readonly Event[], key: string) =>
  events.filter((event) => event.key === key)

describe('spans of one trace', async () => {
  const events = await consumed('probe.reading', 'probe.doubled', 'probe.counted', 'account.events', 'mailbox.events')

  it('TR-TRACE-1 TR-APPEND-1 TR-FOLD-1 TR-DELIVER-1 C-TRACE-2 lead from a publish of the client to its consumers', async () => {
    const { traceId } = await tracing.within('request', () =>
      publisher.publish('probe.reading', { id: 'e-1', data: { id: 'ws', value: 7 } }),
    )
    await expect.poll(() => ofKey(events, 'ws')).toHaveLength(3)
    await expect
      .poll(() => tracing.namesOf(traceId))
      .toEqual([
        ...['append probe.reading', 'deliver probe.doubled', 'deliver probe.reading', 'fold probe.reading'],
        ...['process probe.doubled', 'process probe.reading', 'publish probe.reading', 'request'],
      ])
    const named = (name: string) => tracing.ofTrace(traceId).find((span) => span.name === name)!
    const publish = named('publish probe.reading')
    expect(publish.parentSpanContext?.spanId).toBe(named('request').spanContext().spanId)
    expect(publish.kind).toBe(api.SpanKind.PRODUCER)
    expect(publish.attributes).toEqual({
      ...{ 'messaging.system': 'tidegate', 'messaging.operation.name': 'publish', 'messaging.operation.type': 'send' },
      ...{ 'messaging.destination.name': 'probe.reading', 'messaging.message.id': 'e-1' },
    })
    for (const name of [
      'append probe.reading',
      'fold probe.reading',
      'deliver probe.doubled',
      'process probe.doubled',
    ]) {
      expect(named(name).parentSpanContext?.spanId).toBe(publish.spanContext().spanId)
    }
    expect(named('append probe.reading').kind).toBe(api.SpanKind.SERVER)
    expect(named('fold probe.reading')).toMatchObject({
      kind: api.SpanKind.CONSUMER,
      attributes: { 'messaging.operation.type': 'process', 'messaging.batch.message_count': 1 },
    })
    // A result of a window has many inputs.
    expect(ofKey(events, 'ws').find(({ topic }) => topic === 'probe.counted')).not.toHaveProperty('traceparent')
  })

  it('TR-TRACE-1 lead from a request to its consumers, by its header and by the attributes of CloudEvents', async () => {
    const { traceId, traceparent } = await tracing.within('header', async () => {})
    const cloud = await tracing.within('attribute', async () => {})
    const post = (body: object, headers: object) =>
      fetch(`${server.url}/v1/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
    await post({ topic: 'probe.reading', data: { id: 'http', value: 1 } }, { traceparent })
    await post(
      {
        ...{ specversion: '1.0', type: 'probe.reading', id: 'c-1', source: '/a', traceparent: cloud.traceparent },
        data: { id: 'cloud', value: 1 },
      },
      { 'content-type': 'application/cloudevents+json', traceparent },
    )
    const spans = ['append probe.reading', 'deliver probe.doubled', 'deliver probe.reading', 'fold probe.reading']
    const others = ['process probe.doubled', 'process probe.reading']
    await expect.poll(() => tracing.namesOf(traceId)).toEqual([...spans, 'header', ...others].sort())
    await expect.poll(() => tracing.namesOf(cloud.traceId)).toEqual([...spans, 'attribute', ...others].sort())
  })

  it('TR-TRACE-1 TR-COMMAND-1 C-TRACE-2 lead from a command to the events it led to, and to those of what followed', async () => {
    const { traceId } = await tracing.within('request', () =>
      publisher.command('account', 'a-1', 'open', { plan: 'x' }),
    )
    await expect
      .poll(() => tracing.namesOf(traceId), { timeout: 15_000 })
      .toEqual([
        ...['command account', 'deliver account.events', 'deliver mailbox.events', 'fold ~commands'],
        ...['process account.events', 'process mailbox.events', 'request'],
      ])
    const kinds = tracing.ofTrace(traceId).flatMap(({ name, kind }) => (name === 'command account' ? [kind] : []))
    expect(kinds.sort()).toEqual([api.SpanKind.SERVER, api.SpanKind.CLIENT])
    const { traceId: other, traceparent } = await tracing.within('post', async () => {})
    await fetch(`${server.url}/v1/entities/account/a-2/open`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent },
      body: JSON.stringify({ plan: 'y' }),
    })
    await expect
      .poll(() => tracing.namesOf(other), { timeout: 15_000 })
      .toEqual(
        expect.arrayContaining([
          'command account',
          'deliver account.events',
          'deliver mailbox.events',
          'fold ~commands',
        ]),
      )
  })

  it('TR-COMMAND-1 TR-APPEND-1 C-TRACE-2 say why a call was refused', async () => {
    const refused = async () => {
      await publisher.publish('probe.reading', { data: { id: 'x' } }).catch(() => {})
      await publisher.command('account', 'a-3', 'close', {}).catch(() => {})
    }
    const { traceId } = await tracing.within('request', refused)
    await expect
      .poll(() =>
        tracing.ofTrace(traceId).map(({ name, attributes, status }) => [name, attributes['error.type'], status.code]),
      )
      .toEqual(
        expect.arrayContaining([
          ['publish probe.reading', 'invalid_data', api.SpanStatusCode.ERROR],
          // A frame of which events are refused is answered as any other.
          ['append probe.reading', undefined, api.SpanStatusCode.UNSET],
          ['command account', 'unknown_command', api.SpanStatusCode.ERROR],
          ['request', undefined, api.SpanStatusCode.UNSET],
        ]),
      )
  })

  it('TR-SAMPLE-1 C-TRACE-2 are none where the publisher records none', async () => {
    const before = tracing.spans().length
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
    await consumer.publish('probe.reading', { data: { id: 'quiet', value: 1 } }, { trace: { traceparent } })
    await expect.poll(() => ofKey(events, 'quiet').length).toBeGreaterThanOrEqual(2)
    expect(ofKey(events, 'quiet')).toContainEqual(expect.objectContaining({ topic: 'probe.doubled', traceparent }))
    const later = tracing.spans().slice(before)
    expect(later.filter(({ name }) => !name.startsWith('process'))).toEqual([])
  })
})
