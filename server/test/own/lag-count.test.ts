import { describe, expect, it } from 'vitest'
import { LagCount } from '../../src/own/lag-count.ts'

const sizes = (added: number, length: number, lastId: string, firstId = '1000-0') =>
  new Map([['a', { added, length, firstId, lastId }]])
const at = (id: string) => new Map([['a', id]])

describe('lag in entries', () => {
  it('M-LAG-2 is exact once everything was folded: what is added later counts, what is trimmed does not matter', () => {
    const lag = new LagCount()
    expect(lag.entries(sizes(100, 40, '5000-0'), at('5000-0'))).toBe(0)
    expect(lag.entries(sizes(107, 7, '6000-0', '5500-0'), at('5000-0'))).toBe(7)
    for (let i = 0; i < 3; i++) lag.folded('a')
    expect(lag.entries(sizes(107, 7, '6000-0', '5500-0'), at('5800-0'))).toBe(4)
    expect(lag.entries(sizes(107, 7, '6000-0', '5500-0'), at('6000-0'))).toBe(0)
    expect(lag.entries(sizes(0, 0, '0-0', '0-0'), at('6000-0'))).toBe(0)
    expect(lag.entries(sizes(109, 2, '7000-0', '6900-0'), at('6000-0'))).toBe(2)
  })

  it('M-LAG-2 is an estimate by ids before: at most what there is, and never none', () => {
    const lag = new LagCount()
    expect(lag.entries(sizes(1_000, 1_000, '11000-0'), at('0-0'))).toBe(1_000)
    expect(lag.entries(sizes(1_000, 1_000, '11000-0'), at('6000-0'))).toBe(500)
    expect(lag.entries(sizes(1_000, 1_000, '11000-5'), at('11000-0'))).toBe(1)
    lag.folded('a')
    expect(lag.entries(sizes(1_000, 1_000, '11000-0'), at('6000-0'))).toBe(500)
  })

  it('M-LAG-2 of a partition is that of all its inputs, and of none where nothing was ever stored', () => {
    const lag = new LagCount()
    const size = { added: 10, length: 10, firstId: '1000-0', lastId: '2000-0' }
    const all = new Map([
      ['a', size],
      ['b', size],
      ['c', { added: 0, length: 0, firstId: '0-0', lastId: '0-0' }],
    ])
    const offsets = (id: string) => new Map(['a', 'b', 'c'].map((topic) => [topic, topic === 'c' ? '0-0' : id]))
    expect(lag.entries(all, offsets('0-0'))).toBe(20)
  })
})
