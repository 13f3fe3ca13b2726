import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { PresenceChange } from '../src/node.ts'
import { type Peer, until } from './support/scripted-server.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()
let client: ReturnType<typeof used.open>
let peer: Peer

beforeEach(async () => {
  client = used.open()
  peer = await used.server.greeted()
})

let n = 0
const entry = (key: string, connections: number, more: object = {}) => ({
  ...{ at: `0@e/${++n}-0.0`, id: `${n}`, key, time: 1 },
  data: { connections, joinedAt: 1, ...more },
})
const part = (sub: number, ...events: ReturnType<typeof entry>[]) =>
  ({ sub, topic: 'room.presence', lane: 'normal', events }) as const

async function grant(of: Peer, snapshot = true) {
  const asked = await of.take('subscribe')
  const granted = { positions: {}, recovered: !snapshot, onSlow: 'conflate', ...(snapshot && { snapshot }) } as const
  of.send({ type: 'subscribed', sub: asked.sub, ...granted })
  return asked
}

/** Grants the next subscription and sends its snapshot. */
async function snapshot(of: Peer, ...events: ReturnType<typeof entry>[]) {
  const asked = await grant(of)
  of.send({ type: 'batch', parts: [{ ...part(asked.sub, ...events), snapshot: 'end' }] })
  return asked
}

function follow() {
  const room = client.presence('room')
  const changes: [string, number | undefined, number | undefined][] = []
  room.onChange(({ subject, before, now }: PresenceChange) =>
    changes.push([subject, before?.connections, now?.connections]),
  )
  return { room, changes, shown: () => [...room.present.keys()] }
}

describe('presence handle', () => {
  test('C-PRESENCE-1 C-PRESENCE-3 present - has everybody of the snapshot and the changes, and who is not listed is a number', async () => {
    const { room, changes, shown } = follow()
    const { sub, ...asked } = await snapshot(peer, entry('ada', 1), entry('bob', 2, { state: 'x' }), entry('~more', 7))
    expect(asked).toMatchObject({ topic: 'room.presence', snapshot: true, onSlow: 'conflate' })
    await room.ready
    expect([...room.present]).toEqual([
      ['ada', { connections: 1, joinedAt: 1 }],
      ['bob', { connections: 2, joinedAt: 1, state: 'x' }],
    ])
    expect(room.unlisted).toBe(7)
    peer.send({
      type: 'batch',
      parts: [
        part(
          sub,
          entry('ada', 0),
          entry('cyd', 1),
          entry('bob', 2, { state: 'x' }),
          entry('eve', 0),
          entry('~more', 0),
        ),
      ],
    })
    await until(() => room.unlisted === 0, 'the changes')
    expect(shown()).toEqual(['bob', 'cyd'])
    expect(changes).toEqual([
      ['ada', undefined, 1],
      ['bob', undefined, 2],
      ['ada', 1, undefined],
      ['cyd', undefined, 1],
    ])
    room.close()
    await peer.take('unsubscribe')
  })

  test('C-PRESENCE-1 C-SNAP-4 present - a snapshot that comes again takes out who is not in it, also an empty one', async () => {
    const { room, changes, shown } = follow()
    await snapshot(peer, entry('ada', 1), entry('bob', 1))
    await room.ready
    peer.socket.terminate()
    const next = await used.server.greeted()
    const { sub } = await grant(next)
    next.send({ type: 'batch', parts: [{ ...part(sub, entry('bob', 1)), snapshot: 'more' }] })
    await next.settled()
    // Until it is complete nobody is known to have left.
    expect(shown()).toEqual(['ada', 'bob'])
    next.send({ type: 'batch', parts: [{ ...part(sub, entry('cyd', 1)), snapshot: 'end' }] })
    await until(() => room.present.has('cyd'), 'the snapshot')
    expect([shown(), changes.slice(2)]).toEqual([
      ['bob', 'cyd'],
      [
        ['ada', 1, undefined],
        ['cyd', undefined, 1],
      ],
    ])
    next.socket.terminate()
    await snapshot(await used.server.greeted())
    await until(() => room.present.size === 0, 'an empty snapshot')
  })

  test('C-PRESENCE-2 present - is asked for anew after a gap', async () => {
    const { room, shown } = follow()
    const { sub } = await snapshot(peer, entry('ada', 1))
    await room.ready
    const gap = { sub, topic: 'room.presence', lane: 'normal', count: 1, reason: 'overflow' } as const
    peer.send({ type: 'gap', ...gap, upTo: '0@e/9-0.0', fetchable: true })
    await peer.take('unsubscribe')
    await snapshot(peer, entry('bob', 1))
    await until(() => room.present.has('bob'), 'the next snapshot')
    expect(shown()).toEqual(['bob'])
  })

  test('C-PRESENCE-3 ready - rejects where the topic has no presence', async () => {
    const { room } = follow()
    const { sub } = await peer.take('subscribe')
    peer.send({ type: 'error', sub, code: 'unknown_topic', message: '', retryable: false })
    await expect(room.ready).rejects.toMatchObject({ code: 'unknown_topic' })
  })

  test('C-PRESENCE-2 onError - hears of the end of the subscription that followed the first, once', async () => {
    const { room } = follow()
    const failed = vi.fn()
    room.onError(failed)()
    room.onError(failed)
    const first = await snapshot(peer, entry('ada', 1))
    peer.send({
      type: 'gap',
      ...({ sub: first.sub, topic: 'room.presence', lane: 'normal', reason: 'overflow' } as const),
      ...{ after: '0@e/1-0.0', upTo: '0@e/9-0.0', count: 1, fetchable: true },
    })
    const next = await snapshot(peer, entry('ada', 1))
    peer.send({ type: 'unsubscribed', sub: next.sub, code: 'forbidden' })
    await until(() => failed.mock.calls.length > 0, 'the error')
    await peer.settled()
    expect(failed).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'forbidden' }))
  })
})
