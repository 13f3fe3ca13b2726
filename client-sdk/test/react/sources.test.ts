import type { BatchPart, DeliveredEvent } from '@tidegate/protocol'
import { describe, expect, test, vi } from 'vitest'
import type { TidegateClient } from '../../src/node.ts'
import { followEvents } from '../../src/react/events.ts'
import type { Follow } from '../../src/react/follow.ts'
import { followEntity, followPresence } from '../../src/react/handles.ts'
import { followLatest } from '../../src/react/latest.ts'
import type { Live } from '../../src/react/live.ts'
import { followPanes } from '../../src/react/panes.ts'
import type { Source } from '../../src/react/source.ts'
import { keyOf, sourcesOf } from '../../src/react/sources.ts'
import { type Peer, until } from '../support/scripted-server.ts'
import { event, grant, part, TOPIC } from '../support/subscription-frames.ts'
import { useServer } from '../support/use-server.ts'

const used = useServer()
const { open } = used

const newest = followEvents(TOPIC, 3, {})
/** @param key of a source beside the first */
function sourceOf<Data>(client: TidegateClient, follow: Follow<Data>, key = keyOf('first')) {
  const loading = { data: undefined as Data, status: 'loading', error: undefined, gap: undefined } as const
  return sourcesOf(client).getOrOpen(key, follow, loading)
}
/** What a hook does when it is mounted. */
function mount<Data>(client: TidegateClient, follow: Follow<Data>) {
  const source = sourceOf(client, follow)
  const renders: Live<Data>[] = []
  const unmount = source.listen(() => renders.push(source.live))
  return { source, renders, unmount }
}
const count = (peer: Peer, type: string) => peer.received.filter((frame) => frame.type === type).length
const statusIs = (source: Source<unknown>, status: string) => until(() => source.live.status === status, status)

describe('sources of hooks', () => {
  test('C-REACT-1 equal members in another order make the same key, other values another', () => {
    expect(keyOf('a', { keys: ['k'], from: { time: 1 } })).toBe(keyOf('a', { from: { time: 1 }, keys: ['k'] }))
    expect(keyOf('a', { keys: ['k', 'l'] })).not.toBe(keyOf('a', { keys: ['l', 'k'] }))
    expect(keyOf('a', {})).toBe(keyOf('a', { where: undefined }))
  })

  test('C-REACT-1 two components share one subscription; what is mounted again in time keeps it, and later it is closed', async () => {
    const client = open()
    const first = mount(client, newest)
    const second = mount(client, newest)
    expect(second.source).toBe(first.source)
    const peer = await used.server.greeted()
    const { sub } = await grant(peer)
    first.unmount()
    second.unmount()
    const again = mount(client, newest)
    expect(again.source).toBe(first.source)
    peer.send({ type: 'batch', parts: [part(sub, 1)] })
    await until(() => again.renders.at(-1)?.data !== undefined, 'an event')
    await peer.settled()
    expect([count(peer, 'subscribe'), count(peer, 'unsubscribe')]).toEqual([1, 0])
    again.unmount()
    expect(await peer.take('unsubscribe')).toMatchObject({ sub })
    expect(mount(client, newest).source).not.toBe(first.source)
  })

  test('C-REACT-3 C-REACT-12 many events in one frame are one render, with the newest of them', async () => {
    const client = open()
    const { source, renders } = mount(client, newest)
    const peer = await used.server.greeted()
    const { sub } = await grant(peer)
    await statusIs(source, 'live')
    const before = renders.length
    const numbers = Array.from({ length: 1_000 }, (_, n) => n + 1)
    peer.send({ type: 'batch', parts: [part(sub, ...numbers)] })
    await until(() => renders.length > before, 'a render')
    expect(renders.length).toBe(before + 1)
    expect(source.live.data.map(({ data }) => data)).toEqual([998, 999, 1_000])
  })

  test('C-REACT-14 what the server refuses is on the console, with the hook and its first argument', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const client = open()
    const source = sourceOf(client, newest, keyOf('useSubscription', TOPIC, {}))
    source.listen(() => {})
    const peer = await used.server.greeted()
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: 'No such topic.', retryable: false })
    await statusIs(source, 'failed')
    expect(warn.mock.calls).toEqual([[`Tidegate: useSubscription ${TOPIC}: No such topic. [unknown_topic]`]])
    await client.close({ deadlineMs: 0 })
    expect(warn).toHaveBeenCalledTimes(1)
    warn.mockRestore()
  })

  test('C-REACT-4 C-REACT-5 status follows the connection, data stays, gaps and errors are told', async () => {
    const client = open()
    const { source } = mount(client, newest)
    expect(source.live).toEqual({ data: undefined, status: 'loading', error: undefined, gap: undefined })
    const peer = await used.server.greeted()
    const { sub } = await grant(peer)
    peer.send({ type: 'batch', parts: [part(sub, 1)] })
    const gap = {
      topic: TOPIC,
      lane: 'low',
      count: 4,
      upTo: '0@e/5-0.0',
      reason: 'overflow',
      fetchable: false,
    } as const
    peer.send({ type: 'gap', sub, ...gap })
    await until(() => source.live.gap !== undefined, 'the gap')
    expect(source.live).toMatchObject({ status: 'live', gap: { count: 4, reason: 'overflow' }, data: [{ data: 1 }] })
    peer.socket.terminate()
    await statusIs(source, 'stale')
    expect(source.live.data).toHaveLength(1)
    const next = await used.server.greeted()
    await grant(next)
    await statusIs(source, 'live')
    next.send({ type: 'unsubscribed', sub, code: 'unknown_topic' })
    await statusIs(source, 'failed')
    expect(source.live).toMatchObject({ error: { code: 'unknown_topic' }, data: [{ data: 1 }] })
  })

  test('C-REACT-4 a client that is closed fails what follows it', async () => {
    const client = open()
    const { source } = mount(client, newest)
    await client.close({ deadlineMs: 0 })
    await statusIs(source, 'failed')
    expect(source.live.error).toMatchObject({ code: 'closed' })
  })

  test('C-REACT-6 what suspends is open before it is mounted, and resolves when there is something', async () => {
    const client = open()
    const source = sourceOf(client, newest)
    const suspended = source.suspend()
    const peer = await used.server.greeted()
    await grant(peer)
    await suspended
    expect([source.live.status, source.wasReady]).toEqual(['live', true])
    // Mounted and gone: like any other.
    mount(client, newest).unmount()
    await peer.take('unsubscribe')
  })

  test('C-REACT-6 a failure without anything to show is kept for a moment, then tried again', async () => {
    const client = open()
    const source = sourceOf(client, newest)
    const suspended = source.suspend()
    const peer = await used.server.greeted()
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: 'no', retryable: false })
    await suspended
    expect([source.live.status, source.wasReady]).toEqual(['failed', false])
    expect(sourceOf(client, newest)).toBe(source)
    await until(() => sourceOf(client, newest) !== source, 'another source')
  })
})

describe('latest events', () => {
  const latest = (client: TidegateClient, limit = 10) => mount(client, followLatest(TOPIC, limit, {}))
  const of = (n: number, key: string, epoch = 'e') => ({ ...event(n), key, at: `0@${epoch}/${n}-0.0` })
  const events = (sub: number, snapshot?: 'more' | 'end', ...list: DeliveredEvent[]): BatchPart => ({
    ...part(sub),
    events: list,
    ...(snapshot && { snapshot }),
  })
  async function grantSnapshot(peer: Peer) {
    const asked = await peer.take('subscribe')
    const granted = { sub: asked.sub, positions: {}, recovered: true, onSlow: 'conflate', snapshot: true } as const
    peer.send({ type: 'subscribed', ...granted })
    return asked
  }
  const shown = ({ live }: Source<ReadonlyMap<string, DeliveredEvent>>) =>
    [...live.data].map(([key, e]) => [key, e.data])

  test('C-REACT-8 are those last in the log, whatever came last; who is not in a later snapshot is gone', async () => {
    const client = open()
    const { source } = latest(client)
    const peer = await used.server.greeted()
    const { sub, ...asked } = await grantSnapshot(peer)
    expect(asked).toMatchObject({ snapshot: true, onSlow: 'conflate' })
    peer.send({ type: 'batch', parts: [events(sub, 'more', of(3, 'a'))] })
    await until(() => source.live.data?.size === 1, 'a part of the snapshot')
    expect(source.live.status).toBe('loading')
    peer.send({ type: 'batch', parts: [events(sub, 'end', of(4, 'b'))] })
    await statusIs(source, 'live')
    peer.send({ type: 'batch', parts: [events(sub, undefined, of(7, 'a'))] })
    peer.send({ type: 'batch', parts: [{ ...events(sub, undefined, of(6, 'a')), lane: 'normal' }] })
    await until(() => source.live.data?.get('a')?.data === 7, 'the newest')
    expect(shown(source)).toEqual([
      ['a', 7],
      ['b', 4],
    ])
    // Something is lost, and what is in its place is another log.
    const gap = { topic: TOPIC, lane: 'low', count: null, upTo: '0@f/2-0.999999', reason: 'epoch' } as const
    peer.send({ type: 'gap', sub, ...gap, fetchable: false })
    await grantSnapshot(peer)
    peer.send({ type: 'batch', parts: [events(sub, 'end', of(1, 'b', 'f'))] })
    await until(() => source.live.data.size === 1, 'the next snapshot')
    expect(shown(source)).toEqual([['b', 1]])
    expect(source.live.gap).toBeUndefined()
  })

  test('C-REACT-8 what is fetched of an earlier epoch is behind what came of a later one', async () => {
    const client = open()
    const { source } = latest(client)
    const peer = await used.server.greeted()
    const { sub } = await grantSnapshot(peer)
    peer.send({ type: 'batch', parts: [events(sub, 'end', of(1, 'a'))] })
    const gap = { topic: TOPIC, lane: 'low', reason: 'overflow', count: 1, fetchable: true } as const
    peer.send({ type: 'gap', sub, ...gap, after: '0@e/1-0.0', upTo: '0@e/8-0.0' })
    const { id } = await peer.take('query')
    peer.send({ type: 'batch', parts: [events(sub, undefined, of(5, 'a', 'f'))] })
    await until(() => source.live.data?.get('a')?.data === 5, 'the later epoch')
    peer.send({ type: 'result', id, data: { events: [of(8, 'a')], complete: true } })
    peer.send({ type: 'batch', parts: [events(sub, undefined, of(6, 'b', 'f'))] })
    await until(() => source.live.data.size === 2, 'what comes then')
    expect(shown(source)).toEqual([
      ['a', 5],
      ['b', 6],
    ])
  })

  test('C-REACT-8 of a topic without snapshots are those from now on; no other subscription asks for one again', async () => {
    const client = open()
    const { source } = latest(client, 2)
    const errors: string[] = []
    client.onError(({ code }) => errors.push(code))
    const peer = await used.server.greeted()
    const refused = await peer.take('subscribe')
    const other = sourceOf(client, followLatest(TOPIC, 2, { keys: ['a'] }), keyOf('other'))
    peer.send({ type: 'error', sub: refused.sub, code: 'unsupported', message: 'no snapshot', retryable: false })
    const { sub, ...asked } = await grant(peer)
    expect(asked).not.toHaveProperty('snapshot')
    expect(await grant(peer)).toMatchObject({ keys: ['a'] })
    await statusIs(source, 'live')
    await statusIs(other, 'live')
    peer.send({ type: 'batch', parts: [events(sub, undefined, of(1, 'a'), of(2, 'b'), of(3, 'c'))] })
    await until(() => source.live.data?.size > 0, 'events')
    expect(shown(source)).toEqual([
      ['b', 2],
      ['c', 3],
    ])
    expect(errors).toEqual(['unsupported'])
  })

  test('C-REACT-5 what was withheld is fetched; what cannot be is a gap', async () => {
    const client = open()
    const { source } = latest(client)
    const peer = await used.server.greeted()
    const { sub } = await grantSnapshot(peer)
    peer.send({ type: 'batch', parts: [events(sub, 'end')] })
    const gap = { topic: TOPIC, lane: 'low', count: 1, upTo: '0@e/5-0.0', reason: 'bus', fetchable: true } as const
    peer.send({ type: 'gap', sub, ...gap })
    const first = await peer.take('query')
    peer.send({ type: 'result', id: first.id, data: { events: [of(5, 'a')], complete: true } })
    await until(() => source.live.data?.size === 1, 'the fetched event')
    expect(source.live.gap).toBeUndefined()
    peer.send({ type: 'gap', sub, ...gap, upTo: '0@e/9-0.0' })
    const second = await peer.take('query')
    peer.send({ type: 'result', id: second.id, data: { events: [], complete: false } })
    await until(() => source.live.gap !== undefined, 'the gap')
  })
})

describe('results of a window', () => {
  const pane = (start: number, revision = 0, withdrawn = false) => ({
    ...{ key: 'k', start, end: start + 10, revision },
    ...(withdrawn ? { withdrawn: true } : { value: { n: revision }, timing: 'on_time', final: false }),
  })

  test('C-REACT-9 are in order, of each the newest revision, without withdrawn ones, and no more than the limit', async () => {
    const client = open()
    const { source } = mount(client, followPanes(TOPIC, { pastMs: 60_000, limit: 3 }, { keys: ['k'] }))
    const peer = await used.server.greeted()
    const { sub, from, ...asked } = await grant(peer)
    expect(asked).toMatchObject({ keys: ['k'] })
    expect(Date.now() - (from as { time: number }).time).toBeGreaterThanOrEqual(60_000)
    const panes = [pane(20, 1), pane(10), pane(30), pane(20), pane(40), pane(50), pane(50, 1, true), pane(50)]
    const list = panes.map((data, n) => event(n + 1, data))
    peer.send({ type: 'batch', parts: [{ ...part(sub), events: list }] })
    await until(() => source.live.data?.length > 0, 'results')
    expect(source.live.data.map(({ start, revision }) => [start, revision])).toEqual([
      [30, 0],
      [40, 0],
    ])
  })

  test('C-REACT-9 what Redis has lost and is computed again counts, whatever its revision; what is fetched of before does not', async () => {
    const client = open()
    const { source } = mount(client, followPanes(TOPIC, { pastMs: 60_000, limit: 3 }, {}))
    const peer = await used.server.greeted()
    const { sub } = await grant(peer)
    const at = (n: number, epoch: string, data: unknown) => ({ ...event(n, data), at: `0@${epoch}/${n}-0.0` })
    peer.send({ type: 'batch', parts: [{ ...part(sub), events: [at(1, 'e', pane(10, 0)), at(3, 'e', pane(10, 2))] }] })
    const gap = { topic: TOPIC, lane: 'low', reason: 'overflow', count: 1, fetchable: true } as const
    peer.send({ type: 'gap', sub, ...gap, after: '0@e/3-0.0', upTo: '0@e/4-0.0' })
    const { id } = await peer.take('query')
    peer.send({ type: 'gap', sub, ...gap, reason: 'epoch', count: null, fetchable: false, upTo: '0@f/2-0.999999' })
    const again = { ...pane(10, 1), value: { n: 'again' } }
    peer.send({ type: 'batch', parts: [{ ...part(sub), events: [at(9, 'f', again)] }] })
    peer.send({ type: 'result', id, data: { events: [at(4, 'e', pane(10, 3))], complete: true } })
    const last = { ...pane(20, 0), value: { n: 'last' } }
    peer.send({ type: 'batch', parts: [{ ...part(sub), events: [at(10, 'f', last)] }] })
    await until(() => source.live.data?.length === 2, 'the last one')
    expect(source.live.data.map(({ value }) => value)).toEqual([{ n: 'again' }, { n: 'last' }])
  })

  test('C-REACT-9 the past is counted by the clock of the server, also before the first connection', async () => {
    const client = open()
    mount(client, followPanes(TOPIC, { pastMs: 60_000, limit: 3 }, {}))
    const peer = await used.server.greeted({ time: Date.now() - 3_600_000 })
    const { from } = await peer.take('subscribe')
    const agoMs = Date.now() - (from as { time: number }).time
    expect(agoMs).toBeGreaterThanOrEqual(3_660_000)
    expect(agoMs).toBeLessThan(3_670_000)
  })

  test('C-REACT-9 Infinity is everything that the log has', async () => {
    const client = open()
    mount(client, followPanes(TOPIC, { pastMs: Number.POSITIVE_INFINITY, limit: 3 }, {}))
    expect(await (await used.server.greeted()).take('subscribe')).toMatchObject({ from: 'earliest' })
  })
})

describe('entities and presence', () => {
  test('C-REACT-10 C-ENTITY-7 an entity is its newest state; one that is not published has failed', async () => {
    const client = open()
    const { source } = mount(client, followEntity('user', '42'))
    const peer = await used.server.greeted()
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'subscribed', sub, positions: {}, recovered: true, onSlow: 'conflate', snapshot: true })
    const state = { ...event(3, { version: 3, state: { n: 3 } }), key: '42' }
    peer.send({ type: 'batch', parts: [{ ...part(sub), topic: 'user.state', events: [state], snapshot: 'end' }] })
    await statusIs(source, 'live')
    expect(source.live.data).toEqual({ version: 3, view: { n: 3 } })
    const other = sourceOf(client, followEntity('ghost', '1'), keyOf('other'))
    const refused = await peer.take('subscribe')
    peer.send({ type: 'error', sub: refused.sub, code: 'unknown_topic', message: 'no', retryable: false })
    await statusIs(other, 'failed')
    expect(other.live.error).toMatchObject({ code: 'not_live' })
  })

  test('C-REACT-10 presence has who is there', async () => {
    const client = open()
    const { source } = mount(client, followPresence(TOPIC))
    const peer = await used.server.greeted()
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'subscribed', sub, positions: {}, recovered: true, onSlow: 'conflate', snapshot: true })
    const joined = { ...event(1, { connections: 1, joinedAt: 1 }), key: 'anna' }
    peer.send({
      type: 'batch',
      parts: [{ ...part(sub), topic: `${TOPIC}.presence`, events: [joined], snapshot: 'end' }],
    })
    await statusIs(source, 'live')
    await until(() => source.live.data?.present.has('anna'), 'anna')
  })
})
