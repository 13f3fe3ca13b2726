import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClient, type LiveState, type TidegateClient } from '../src/node.ts'
import { type Peer, ScriptedServer, until } from './support/scripted-server.ts'

let server: ScriptedServer
let client: TidegateClient
let peer: Peer

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = createClient({ url: server.url, connect: true })
  peer = await server.greeted()
})
afterEach(async () => {
  await client.close({ deadlineMs: 0 })
  await server.close()
})

const changed = (version: number, epoch = 'e') => ({
  at: `0@${epoch}/${version}-0.0`,
  id: `${version}`,
  key: '42',
  time: 1,
  data: { version, state: { n: version } },
})
const part = (sub: number, ...events: ReturnType<typeof changed>[]) => ({
  ...({ sub, topic: 'user.state', lane: 'normal', events } as const),
})

/** Grants the subscription of a handle and sends its snapshot. */
async function snapshot(of: Peer, ...events: ReturnType<typeof changed>[]) {
  const asked = await of.take('subscribe')
  const { sub } = asked
  of.send({ type: 'subscribed', sub, positions: {}, recovered: true, onSlow: 'conflate', snapshot: true })
  of.send({ type: 'batch', parts: [{ ...part(sub, ...events), snapshot: 'end' }] })
  return asked
}

/** Answers the next query. */
async function result(data: unknown, next?: string) {
  const { id, name, params } = await peer.take('query')
  peer.send({ type: 'result', id, data, ...(next !== undefined && { next }) })
  return [name, params]
}

async function fail(code: 'epoch_changed' | 'not_found') {
  const { id, params } = await peer.take('query')
  peer.send({ type: 'error', id, code, message: code, retryable: false })
  return params
}

const found = (version: number) => ({ key: '42', version, epoch: 'e', time: 1, view: { n: version } })

describe('entity handle', () => {
  test('C-ENTITY-1 C-ENTITY-2 state - is the newest one, from the snapshot on', async () => {
    const user = client.entity('user', '42')
    await peer.settled()
    expect(peer.received.some(({ type }) => type === 'subscribe')).toBe(false)
    const seen: LiveState<unknown>[] = []
    user.onChange((state) => seen.push(state))
    expect(user.state).toBeUndefined()
    const { sub, ...asked } = await snapshot(peer, changed(3))
    expect(asked).toMatchObject({ topic: 'user.state', keys: ['42'], snapshot: true, onSlow: 'conflate' })
    await user.ready
    expect(user.state).toEqual({ version: 3, view: { n: 3 } })
    peer.send({ type: 'batch', parts: [part(sub, changed(4), changed(6))] })
    await until(() => user.state?.version === 6, 'a change')
    // A snapshot after a gap, older than what came before it.
    peer.send({ type: 'batch', parts: [{ ...part(sub, changed(5)), snapshot: 'end' }] })
    // Redis lost the last versions.
    peer.send({ type: 'batch', parts: [part(sub, changed(2, 'f'))] })
    await until(() => user.state?.version === 2, 'a change')
    expect(seen.map(({ version }) => version)).toEqual([3, 4, 6, 2])
  })

  test('C-ENTITY-2 state - a version that comes again with another view is news, and the same view is none', async () => {
    const user = client.entity('user', '42')
    const seen: LiveState<unknown>[] = []
    user.onChange((state) => seen.push(state))
    const { sub } = await snapshot(peer, changed(3))
    const again = (n: number, place: number) => ({
      ...{ ...changed(3), at: `0@e/${place}-0.0` },
      data: { version: 3, state: { n } },
    })
    peer.send({ type: 'batch', parts: [part(sub, again(3, 4), again(7, 5), again(7, 6), changed(8))] })
    await until(() => user.state?.version === 8, 'a change')
    expect(seen.map(({ view }) => view)).toEqual([{ n: 3 }, { n: 7 }, { n: 8 }])
  })

  test('C-ENTITY-6 state - is gone once the entity was erased, and an older one does not bring it back', async () => {
    const user = client.entity('user', '42')
    const seen: (number | 'erased')[] = []
    user.onChange(({ version }) => seen.push(version))
    user.onErase(() => seen.push('erased'))
    const { sub } = await snapshot(peer, changed(3))
    await user.ready
    const withdrawn = { ...changed(4), data: { version: 4, erased: true } } as never
    peer.send({ type: 'batch', parts: [part(sub, withdrawn)] })
    await until(() => seen.length === 2, 'the withdrawal')
    expect(user.state).toBeUndefined()
    peer.send({ type: 'batch', parts: [{ ...part(sub, changed(3)), snapshot: 'end' }, part(sub, changed(5))] })
    await until(() => user.state?.version === 5, 'a change')
    expect(seen).toEqual([3, 'erased', 5])
  })

  test('C-ENTITY-8 state - is gone once a later snapshot is without it, and what comes then is as new', async () => {
    const user = client.entity('user', '42')
    const seen: (number | 'gone')[] = []
    user.onChange(({ version }) => seen.push(version))
    user.onErase(() => seen.push('gone'))
    const { sub } = await snapshot(peer)
    await user.ready
    peer.send({ type: 'batch', parts: [part(sub, changed(2))] })
    await until(() => user.state?.version === 2, 'a change')
    const gap = { topic: 'user.state', lane: 'normal', count: null, reason: 'epoch', fetchable: false } as const
    peer.send({ type: 'gap', sub, ...gap, upTo: '0@f/0-9.999999' })
    await snapshot(peer)
    await until(() => user.state === undefined, 'the end of the state')
    peer.send({ type: 'batch', parts: [part(sub, changed(1, 'f'))] })
    await until(() => user.state?.version === 1, 'another entity')
    peer.send({ type: 'gap', sub, ...gap, upTo: '0@g/0-9.999999' })
    await snapshot(peer, changed(1, 'g'))
    peer.send({ type: 'batch', parts: [part(sub, changed(2, 'g'))] })
    await until(() => user.state?.version === 2, 'a change')
    expect(seen).toEqual([2, 'gone', 1, 1, 2])
  })

  test('C-ENTITY-1 state - of an entity that does not publish it says how to', async () => {
    const user = client.entity('user', '42')
    const { ready } = user
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: 'no such topic', retryable: false })
    const error = { code: 'not_live', message: expect.stringContaining("publish: ['state']") }
    await expect(ready).rejects.toMatchObject(error)
    expect(() => user.state).toThrow(expect.objectContaining(error))
    const read = user.get()
    await result(found(1))
    expect(await read).toMatchObject({ version: 1, at: '1@e' })
  })

  test('C-ENTITY-3 get - sees what the last command did, until that may be lost', async () => {
    const user = client.entity('user', '42')
    const first = user.get()
    expect(await result(found(1))).toEqual(['entity', { name: 'user', key: '42' }])
    await first
    for (const version of [5, 4]) {
      const outcome = user.command('set', { n: version })
      const { id } = await peer.take('command')
      peer.send({ type: 'answer', id, status: 'done', version, epoch: 'e', events: [] })
      expect(await outcome).toMatchObject({ at: `${version}@e` })
    }
    const reads = [user.get(), user.get({ version: 2 }), user.get({ at: 7 }), user.get({ minVersion: 1 })]
    const asked = [await result(found(5)), await result(found(2)), await result(found(3)), await result(found(5))]
    expect(asked.map(([, params]) => params)).toEqual(
      [{ minVersion: '5@e' }, { version: 2 }, { at: 7 }, { minVersion: 1 }].map((asked) => ({
        ...{ name: 'user', key: '42' },
        ...asked,
      })),
    )
    await Promise.all(reads)
    const lost = user.get()
    expect(await fail('epoch_changed')).toMatchObject({ minVersion: '5@e' })
    await expect(lost).rejects.toMatchObject({ code: 'epoch_changed' })
    const now = user.get()
    expect(await fail('not_found')).not.toHaveProperty('minVersion')
    await expect(now).rejects.toMatchObject({ code: 'not_found' })
  })

  test('C-ENTITY-4 history, findEntities - page by page to the end', async () => {
    const collect = async <Page>(of: AsyncIterable<Page>) => {
      const pages: Page[] = []
      for await (const page of of) pages.push(page)
      return pages
    }
    const history = collect(client.entity('user', '42').history({ after: 1, limit: 2 }))
    const params = { name: 'user', key: '42', limit: 2 }
    expect(await result(['a', 'b'], '3')).toEqual(['entityHistory', { ...params, after: '1' }])
    expect(await result(['c'])).toEqual(['entityHistory', { ...params, after: '3' }])
    expect(await history).toEqual([['a', 'b'], ['c']])
    const users = collect(client.findEntities('user', 'email', 'a@b', { limit: 1 }))
    const search = { name: 'user', index: 'email', value: 'a@b', limit: 1 }
    expect(await result([found(1)], '0:42')).toEqual(['findEntities', search])
    const failed = { key: 'broken', failed: 'The code of user failed.' }
    expect(await result([failed])).toEqual(['findEntities', { ...search, after: '0:42' }])
    expect((await users).map((page) => [...page])).toEqual([[{ ...found(1), at: '1@e' }], []])
    expect((await users).map((page) => page.failed)).toEqual([[], [failed]])
  })

  test('C-ENTITY-5 close - ends the subscription, not the commands', async () => {
    const user = client.entity('user', '42')
    void user.ready
    const { sub } = await snapshot(peer, changed(3))
    await user.ready
    const outcome = user.command('set', { n: 1 })
    user.close()
    user.close()
    expect(await peer.take('unsubscribe')).toMatchObject({ sub })
    expect(user.state).toMatchObject({ version: 3 })
    peer.done((await peer.take('command')).id)
    await outcome
    const other = client.entity('user', '43')
    other.close()
    expect(() => other.onChange(() => {})).toThrow(expect.objectContaining({ code: 'closed' }))
  })
})
