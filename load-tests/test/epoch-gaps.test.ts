import type { Gap } from '@tidegate/client/node'
import { expect, it } from 'vitest'
import { TopicAccount } from '../src/endurance/subscriber.ts'

const gap = (reason: Gap['reason'], over: Partial<Gap> = {}) =>
  ({
    topic: 'chaos.reading',
    lane: 'normal',
    after: '0@e1/20-0.0',
    upTo: '0@e1/29-0.0',
    reason,
    count: null,
    fetchable: false,
    ...over,
  }) as Gap
const event = (id: string, n: number) => ({
  id: `e-${n}`,
  at: `0@e1/${id}.0`,
  key: 'k',
  lane: 'normal' as const,
  data: { n },
})

it('endurance: what comes again under one epoch is doubled, unless it lies behind a gap of reason epoch', () => {
  const account = new TopicAccount()
  account.take(event('10-0', 1))
  // Received ahead of an event that waited for its reader.
  account.tell(gap('epoch'))
  account.take(event('20-0', 2))
  for (const [id, n] of [
    ['30-0', 1],
    ['31-0', 2],
  ] as const)
    account.take(event(id, n))
  expect(account).toMatchObject({ delivered: 2, redelivered: 2, doubled: 0, outOfOrder: 0 })
  account.tell(gap('overflow', { after: '0@e1/32-0.0', upTo: '0@e1/33-0.0' }))
  account.tell(gap('epoch', { lane: 'high', after: '0@e1/32-0.0', upTo: '0@e1/33-0.0' }))
  account.take(event('40-0', 2))
  expect(account).toMatchObject({ delivered: 2, redelivered: 2, doubled: 1 })
})
