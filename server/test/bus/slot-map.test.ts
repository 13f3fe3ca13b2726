import { describe, expect, it } from 'vitest'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import { SlotMap } from '../../src/bus/route/slot-map.ts'

const all = (node: string, epoch: number) => [{ from: 0, to: 16_383, node, epoch }]

describe('slots', () => {
  it('B-CLUSTER-1 keys with the same text in braces have the same one, as the specification computes it', () => {
    expect(slotOf('123456789')).toBe(12_739)
    expect(slotOf('tg:worker:{tg:workers}:a')).toBe(slotOf('tg:workers'))
    expect(slotOf('{tg:7}:log:a.b')).toBe(slotOf('{tg:7}:meta'))
  })

  it('B-CLUSTER-6 belong to the node with the higher epoch, whoever says so last', () => {
    const map = new SlotMap()
    expect(map.nodeOf(5)).toBeUndefined()
    expect(map.merge(all('a:1', 3))).toBe(true)
    expect(map.merge([{ from: 5, to: 6, node: 'b:1', epoch: 4 }])).toBe(true)
    expect(map.merge(all('a:1', 3))).toBe(false)
    expect([4, 5, 6, 7].map((slot) => map.nodeOf(slot))).toEqual(['a:1', 'b:1', 'b:1', 'a:1'])
    expect(map.nodes().sort()).toEqual(['a:1', 'b:1'])
  })

  it('B-CLUSTER-6 one that was given away is where it was given to, until somebody claims it anew', () => {
    const map = new SlotMap()
    map.merge(all('a:1', 3))
    expect(map.moved(5, 'b:1')).toBe(true)
    expect(map.moved(5, 'b:1')).toBe(false)
    map.merge(all('a:1', 3))
    expect(map.nodeOf(5)).toBe('b:1')
    map.merge([{ from: 5, to: 5, node: 'c:1', epoch: 4 }])
    expect(map.nodeOf(5)).toBe('c:1')
  })

  it('B-CLUSTER-6 a master with another address is found there', () => {
    const map = new SlotMap()
    map.merge(all('a:1', 3))
    expect(map.merge(all('a:2', 3))).toBe(true)
    expect(map.nodeOf(0)).toBe('a:2')
  })
})
