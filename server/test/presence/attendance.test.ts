import { LIMITS } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import type { PresenceTopic } from '../../src/config/contract/model.ts'
import { MORE_KEY, PresenceBook } from '../../src/presence/index.ts'

const topic = (maxEntries: number): PresenceTopic => ({
  ...({ kind: 'presence', name: 'room.presence', of: 'room', retentionMs: 1, lane: 'normal', maxEntries } as const),
})

function open(maxEntries = 100) {
  let now = 100
  const changed: string[] = []
  const book = new PresenceBook(
    'g1',
    [topic(maxEntries)],
    () => now++,
    (_, key) => changed.push(key),
  )
  const seat = (subject: string) => book.open({ identity: { kind: 'key', id: '', name: '', grants: [] }, subject })
  const share = (key: string) => book.share('room.presence', key)
  return { book, changed, seat, share, keys: () => [...book.shares()].map(([, key]) => key) }
}

describe('who is connected to a gateway', () => {
  it('PRES-WHO-1 a connection counts once, from its first subscription that covers the topic to the last', () => {
    const { seat, share, changed } = open()
    const [one, two] = [seat('ada'), seat('ada')]
    one.subscribed(1, ['another'], undefined)
    expect(share('ada')).toBeUndefined()
    one.subscribed(2, ['another', 'room'], undefined)
    one.subscribed(3, ['room'], undefined)
    one.subscribed(3, ['room'], undefined)
    two.subscribed(1, ['room'], undefined)
    expect(share('ada')).toMatchObject({ connections: 2 })
    expect(changed).toEqual(['ada', 'ada'])
    one.unsubscribed(2)
    one.unsubscribed(9)
    expect(share('ada')).toMatchObject({ connections: 2 })
    one.unsubscribed(3)
    one.unsubscribed(3)
    expect(share('ada')).toMatchObject({ connections: 1 })
    two.unsubscribed(1)
    expect(share('ada')).toBeUndefined()
  })

  it('PRES-WHO-2 anonymous connections are entries of their own', () => {
    const { book, keys } = open()
    for (let n = 0; n < 2; n++) {
      book.open({ identity: { kind: 'anonymous' }, subject: 'anonymous' }).subscribed(1, ['room'], undefined)
    }
    expect(keys()).toEqual(['anonymous:g1-0', 'anonymous:g1-1'])
  })

  it('PRES-STATE-1 the newest state counts, while the subscription is there that has said it', () => {
    const { seat, share } = open()
    const [one, two] = [seat('ada'), seat('ada')]
    one.subscribed(1, ['room'], '1')
    two.subscribed(1, ['room'], '2')
    expect(share('ada')).toMatchObject({ state: { json: '2' } })
    one.subscribed(1, ['room'], '3')
    one.subscribed(2, ['room'], undefined)
    expect(share('ada')).toMatchObject({ connections: 2, state: { json: '3' } })
    one.unsubscribed(1)
    expect(share('ada')).toMatchObject({ connections: 2, state: { json: '2' } })
    two.unsubscribed(1)
    expect(share('ada')).toEqual({ connections: 1, joinedAt: 100 })
  })

  it('PRES-BOUND-1 those beyond the bound are counted together, and listed when others leave', () => {
    const { seat, share, keys } = open(2)
    const long = seat('x'.repeat(LIMITS.keyBytes + 1))
    long.subscribed(1, ['room'], undefined)
    expect(keys()).toEqual([MORE_KEY])
    const [ada, bob, ...others] = ['ada', 'bob', 'cyd', 'cyd', 'dan', MORE_KEY].map((subject) => {
      const opened = seat(subject)
      opened.subscribed(1, ['room'], undefined)
      return opened
    })
    expect(keys()).toEqual(['ada', 'bob', MORE_KEY])
    expect(share(MORE_KEY)).toMatchObject({ connections: 5 })
    ada!.unsubscribed(1)
    expect(keys()).toEqual(['bob', 'cyd', MORE_KEY])
    expect([share('cyd'), share(MORE_KEY)]).toMatchObject([{ connections: 2 }, { connections: 3 }])
    for (const other of others) other.unsubscribed(1)
    bob!.unsubscribed(1)
    expect([keys(), share(MORE_KEY)]).toMatchObject([[MORE_KEY], { connections: 1 }])
    long.unsubscribed(1)
    expect(keys()).toEqual([])
  })
})
