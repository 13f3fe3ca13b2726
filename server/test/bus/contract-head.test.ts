import { describe, expect, it } from 'vitest'
import {
  type ContractHead,
  type ContractRelation,
  type ContractRole,
  decided,
  entryOf,
  firstHead,
  successor,
} from '../../src/bus/contract/contract-head.ts'

const HEAD: ContractHead = {
  generation: 4,
  hash: 'head',
  isRolling: false,
  before: { mine: 3, first: 1 },
  withdrawn: [],
}
const enter = (
  role: ContractRole,
  relation: ContractRelation,
  live: number[],
  head: ContractHead = HEAD,
  hash = 'mine',
) => entryOf({ hash, role }, head, relation, new Set(live))

describe('who is let in', () => {
  const raised = (isRolling: boolean) => ({ kind: 'raise', head: { generation: 5, hash: 'mine', isRolling } })
  const refused = (why: string) => ({ kind: 'refuse', why })
  const joined = (generation: number) => ({ kind: 'join', generation })

  it.each([
    ['worker', 'same', [4], joined(4)],
    ['gateway', 'same', [], joined(4)],
    ['worker', 'newer', [4], raised(true)],
    ['gateway', 'newer', [4], refused('workers_first')],
    ['worker', 'newer', [], raised(false)],
    ['gateway', 'newer', [], raised(false)],
    ['worker', 'older', [3, 4], refused('older')],
    ['gateway', 'older', [3, 4], joined(3)],
    // Only processes of its own contract are left.
    ['worker', 'older', [3], raised(false)],
    ['gateway', 'older', [], raised(false)],
    ['worker', 'apart', [4], refused('apart')],
    ['gateway', 'apart', [3], refused('apart')],
    ['worker', 'apart', [], raised(false)],
  ] as const)('B-CONTRACT-1 %s, %s, alive %j', (role, relation, live, expected) => {
    expect(enter(role, relation, [...live])).toMatchObject(expected)
  })

  it('B-CONTRACT-1 the first contract is that of generation 0', () => {
    expect(entryOf({ hash: 'h', role: 'gateway' }, undefined, 'same', new Set())).toEqual({
      kind: 'raise',
      head: firstHead('h'),
    })
  })

  it('B-CONTRACT-5 one before does not come back by itself while a rollout is under way', () => {
    const rolling = { ...HEAD, isRolling: true }
    expect(enter('worker', 'older', [], rolling)).toEqual(refused('rolling'))
    expect(enter('gateway', 'older', [], rolling)).toEqual(refused('rolling'))
    expect(enter('worker', 'apart', [], rolling)).toMatchObject(raised(false))
  })

  it('B-CONTRACT-6 one that was taken back is refused, whoever is alive', () => {
    const back = decided(HEAD, 'mine', true)
    expect(back).toEqual({
      generation: 5,
      hash: 'mine',
      isRolling: true,
      before: { head: 4, first: 1 },
      withdrawn: ['head'],
    })
    for (const live of [[], [4], [5]])
      expect(enter('worker', 'newer', live, back, 'head')).toEqual(refused('withdrawn'))
    const forth = decided(back, 'head', false)
    expect(forth).toMatchObject({ generation: 6, hash: 'head', withdrawn: [] })
  })

  it('B-CONTRACT-6 all that came since are withdrawn, and nothing before', () => {
    const head: ContractHead = {
      generation: 9,
      hash: 'c',
      isRolling: false,
      before: { a: 6, b: 8, old: 2 },
      withdrawn: [],
    }
    expect([...decided(head, 'a', true).withdrawn].sort()).toEqual(['b', 'c'])
  })

  it('B-CONTRACT-4 a head remembers a bounded number of those before it, the latest', () => {
    let head = firstHead('h-0')
    for (let n = 1; n <= 200; n++) head = successor(head, `h-${n}`, true)
    expect(head.generation).toBe(200)
    expect(Object.keys(head.before)).toHaveLength(64)
    expect(head.before['h-199']).toBe(199)
    expect(head.before['h-100']).toBeUndefined()
  })
})
