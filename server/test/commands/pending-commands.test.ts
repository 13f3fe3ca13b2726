import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Outcome } from '../../src/commands/index.ts'
import { MAX_PENDING, MAX_PENDING_PER_KEY, PendingCommands, type Wait } from '../../src/commands/pending-commands.ts'
import type { CommandOutcome } from '../../src/entities/index.ts'
import { Limits, parseLimits } from '../../src/limits/index.ts'

const DONE: CommandOutcome = { status: 'done', version: 1, epoch: '1', events: [] }
const KEEP_MS = 60_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function table(limits?: Limits) {
  const pending = new PendingCommands(2, () => performance.now(), limits)
  const outcomes: [id: string, outcome: string][] = []
  const enter = (id: string, changes: Partial<Wait> = {}) => {
    const settle = (outcome: Outcome) => outcomes.push([id, outcome.status === 'done' ? 'done' : outcome.code])
    const wait = { partition: 0, id, checksum: 'c', entity: 'user', key: 'k', inputChars: 2, deadlineMs: 1_000, settle }
    const entered = pending.enter({ ...wait, ...changes }, KEEP_MS)
    return entered.as === 'refused' ? entered.refusal.code : entered.as
  }
  return { pending, outcomes, enter }
}

describe('pending commands', () => {
  it('CMD-PENDING-1 a retry joins, and every wait ends with the one outcome', () => {
    const { pending, outcomes, enter } = table()
    expect([enter('a'), enter('a'), enter('b'), enter('a', { checksum: 'other' })]).toEqual([
      'first',
      'joined',
      'first',
      'conflict',
    ])
    expect([pending.size, pending.waiting]).toEqual([2, 3])
    pending.settle(0, 'a', DONE)
    pending.settle(0, 'a', DONE)
    pending.settle(1, 'b', DONE)
    expect(outcomes).toEqual([
      ['a', 'done'],
      ['a', 'done'],
    ])
    expect([pending.size, pending.waiting]).toEqual([1, 1])
  })

  it('CMD-PENDING-1 what was looked up for a command settles no other that has its id by then', () => {
    const { pending, outcomes, enter } = table()
    enter('a')
    const [lookedUp] = pending.unanswered(0)
    pending.settle(0, 'a', DONE)
    enter('a', { checksum: 'other' })
    pending.settleFound(0, lookedUp!, DONE)
    expect([pending.size, outcomes]).toEqual([1, [['a', 'done']]])
    pending.settleFound(0, pending.unanswered(0)[0]!, DONE)
    expect(pending.size).toBe(0)
  })

  it('CMD-STORE-3 knows under which epoch commands of an entity were stored that have no outcome', () => {
    const { pending, enter } = table()
    const epoch = () => pending.epochOf('user', 'k')
    enter('a')
    enter('b')
    enter('c', { key: 'other' })
    expect(epoch()).toBeUndefined()
    pending.stored(0, 'a', 'e1')
    pending.stored(0, 'c', 'e2')
    expect([epoch(), pending.epochOf('user', 'other'), pending.epochOf('user', 'none')]).toEqual([
      'e1',
      'e2',
      undefined,
    ])
    pending.settle(0, 'a', DONE)
    expect(epoch()).toBe('e1')
    pending.settle(0, 'b', DONE)
    expect(epoch()).toBeUndefined()
  })

  it('CMD-PENDING-2 bounds what one entity has without an outcome; a retry still joins, and other entities have room', () => {
    const { pending, enter } = table()
    for (let i = 0; i < MAX_PENDING_PER_KEY; i++) expect(enter(`${i}`)).toBe('first')
    expect(enter('more')).toBe('overloaded')
    expect(enter('0')).toBe('joined')
    expect([enter('more', { key: 'other' }), enter('m', { entity: 'order' })]).toEqual(['first', 'first'])
    pending.settle(0, '0', DONE)
    expect(enter('more of it')).toBe('first')
  })

  it('CMD-PENDING-2 bounds commands and waits in all', () => {
    const { pending, enter } = table()
    for (let i = 0; i < MAX_PENDING; i++) enter(`${i}`, { key: `${i}` })
    expect(pending.size).toBe(MAX_PENDING)
    expect([enter('new', { key: 'new' }), enter('0', { key: '0' })]).toEqual(['overloaded', 'overloaded'])
    pending.settle(0, '0', DONE)
    expect(enter('1', { key: '1' })).toBe('joined')
    expect(enter('new', { key: 'new' })).toBe('overloaded')
    pending.close()
    expect([pending.size, pending.waiting]).toEqual([0, 0])
  })

  it('CMD-PENDING-4 bounds the memory of commands: their input until it is stored, and the rest until they have an outcome', () => {
    const limits = new Limits({
      settings: parseLimits('gateway.commandBytes=100000'),
      clock: { monotonic: () => performance.now() },
    })
    const { pending, enter } = table(limits)
    const held = () => limits.stats().commandBytes
    const large = (id: string) => enter(id, { key: id, inputChars: 32_768 })
    expect([large('a'), large('b')]).toEqual(['first', 'overloaded'])
    expect(large('a')).toBe('joined')
    expect(held()).toBeGreaterThan(65_536)
    pending.stored(0, 'a', 'e1')
    expect(held()).toBeLessThan(2_500)
    expect(large('b')).toBe('first')
    pending.settle(0, 'a', DONE)
    pending.settle(0, 'b', DONE)
    expect(held()).toBe(0)
    let taken = 0
    while (enter(`${taken}`, { key: `${taken}`.padEnd(512, 'k') }) === 'first') taken++
    // 1.5 KB and twice the two bytes of each character of its names.
    expect(taken).toBe(Math.floor(100_000 / (1_536 + 4 * (512 + 1) + 4)))
    vi.advanceTimersByTime(KEEP_MS)
    pending.expire()
    expect(held()).toBe(0)
    enter('last')
    pending.close()
    expect(held()).toBe(0)
  })

  it('CMD-PENDING-3 a wait ends at its deadline, and the command stays pending: a retry joins it', () => {
    const { pending, outcomes, enter } = table()
    enter('a', { deadlineMs: 100 })
    enter('a', { deadlineMs: 5_000 })
    vi.advanceTimersByTime(100)
    expect(outcomes).toEqual([['a', 'deadline_exceeded']])
    vi.advanceTimersByTime(10_000)
    expect(outcomes).toHaveLength(2)
    expect(enter('a')).toBe('joined')
    pending.settle(0, 'a', DONE)
    expect(outcomes.at(-1)).toEqual(['a', 'done'])
  })

  it('CMD-PENDING-3 each of many waits ends at its own deadline, whichever came or ended before', () => {
    const { pending, outcomes, enter } = table()
    const deadlines = [400, 100, 250, 255, 120, 3_000]
    for (const [i, deadlineMs] of deadlines.entries()) enter(`${deadlineMs}`, { key: `${i}`, deadlineMs })
    pending.settle(0, '100', DONE)
    outcomes.length = 0
    const endedAt = new Map<string, number>()
    for (let ms = 1; ms <= 3_020; ms++) {
      vi.advanceTimersByTime(1)
      for (const [id] of outcomes.splice(0)) endedAt.set(id, ms)
      if (ms === 200) enter('late', { deadlineMs: 20 })
    }
    for (const ms of [400, 250, 255, 120, 3_000]) expect(endedAt.get(`${ms}`)! - ms).toBeOneOf([...Array(11).keys()])
    expect(endedAt.get('late')! - 220).toBeOneOf([...Array(11).keys()])
    expect(endedAt.size).toBe(6)
  })

  it('CMD-PENDING-3 what nobody will answer any more is forgotten, and does not count', () => {
    const { pending, outcomes, enter } = table()
    enter('a')
    vi.advanceTimersByTime(KEEP_MS - 100)
    enter('a')
    pending.expire()
    expect(pending.size).toBe(1)
    vi.advanceTimersByTime(100)
    pending.expire()
    expect([pending.size, pending.waiting]).toEqual([0, 0])
    expect(outcomes.map(([, code]) => code)).toEqual(['deadline_exceeded', 'deadline_exceeded'])
    for (let i = 0; i < MAX_PENDING_PER_KEY; i++) expect(enter(`${i}`)).toBe('first')
  })
})
