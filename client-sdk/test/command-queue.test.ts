import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CommandQueue, type SettledCommand } from '../src/commands/command-queue.ts'

const LIMITS = { maxFrames: 1_000, maxBytes: 1_000_000 }
const WIRE = 64

type Step =
  | { readonly kind: 'push'; readonly subject: number; readonly isPipelined: boolean; readonly count: number }
  | { readonly kind: 'settle' | 'refuse' | 'again' | 'expire' | 'restore'; readonly which: number }
  | { readonly kind: 'disconnect' }

const which = fc.nat(1_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), subject: fc.nat(3), isPipelined: fc.boolean(), count: fc.nat(40) }),
  fc.record({ kind: fc.constantFrom('settle', 'settle', 'refuse', 'again', 'expire', 'restore'), which }),
  fc.record({ kind: fc.constant('disconnect' as const) }),
)

/** Plays a client and a server that answers in any order, and checks what must always hold. */
class World {
  readonly queue = new CommandQueue<number>(LIMITS)
  readonly commands: { readonly subject: number; readonly isPipelined: boolean }[] = []
  readonly wire = new Set<number>()
  readonly refused = new Set<number>()
  readonly refusedOnce = new Set<number>()
  readonly unsettled = new Set<number>()
  readonly sentOnce = new Set<number>()
  readonly answered = new Map<number, SettledCommand<number>>()

  run(step: Step): void {
    switch (step.kind) {
      case 'push':
        for (let i = 0; i < step.count; i++) this.#push(step.subject, step.isPipelined)
        break
      case 'settle':
        this.#pick(this.wire, step.which, (n) => this.#settle(n))
        break
      case 'expire':
        this.#pick(this.unsettled, step.which, (n) => this.#settle(n))
        break
      case 'refuse':
        this.#pick(this.wire, step.which, (n) => {
          expect(this.queue.refuse(`${n}`)).toBe(n)
          this.wire.delete(n)
          this.refused.add(n)
          this.refusedOnce.add(n)
        })
        break
      case 'again':
        this.#pick(this.refused, step.which, (n) => this.#again(n))
        break
      case 'restore':
        this.#pick(new Set(this.answered.keys()), step.which, (n) => {
          this.queue.restore(this.answered.get(n)!)
          this.answered.delete(n)
          this.unsettled.add(n)
        })
        break
      case 'disconnect':
        this.wire.clear()
        this.refused.clear()
        this.queue.disconnected()
    }
    this.#pump()
  }

  /** Everybody answers. */
  finish(): void {
    for (let rounds = 0; this.unsettled.size > 0; rounds++) {
      expect(rounds).toBeLessThan(10_000)
      for (const n of [...this.refused]) this.#again(n)
      for (const n of [...this.wire]) this.#settle(n)
      this.#pump()
    }
    expect(this.queue.size).toBe(0)
  }

  #push(subject: number, isPipelined: boolean): void {
    const n = this.commands.push({ subject, isPipelined }) - 1
    if (!this.queue.hasRoom(10)) return
    this.unsettled.add(n)
    this.queue.push({ id: `${n}`, subject: `${subject}`, isPipelined, bytes: 10, item: n })
  }

  #again(n: number): void {
    this.refused.delete(n)
    this.queue.again(`${n}`)
  }

  #settle(n: number): void {
    const settled = this.queue.settle(`${n}`)!
    expect([settled.item, settled.firstSentAt !== undefined]).toEqual([n, this.sentOnce.has(n)])
    if (this.wire.has(n)) this.answered.set(n, settled)
    for (const set of [this.wire, this.refused, this.unsettled]) set.delete(n)
  }

  #pump(): void {
    for (let due = this.queue.next(7); due !== undefined; due = this.queue.next(7)) {
      const { item: n, ageMs, after } = due
      expect(ageMs === undefined).toBe(!this.sentOnce.has(n))
      this.sentOnce.add(n)
      const { subject, isPipelined } = this.commands[n]!
      const earlier = [...this.unsettled].filter((m) => m < n && this.commands[m]!.subject === subject)
      expect(after).toBe(earlier.length === 0 ? undefined : `${Math.max(...earlier)}`)
      expect(this.wire).not.toContain(n)
      expect(this.refused).not.toContain(n)
      // All of them are on the wire, and there are none unless it does not wait for outcomes.
      expect(earlier.filter((m) => !this.wire.has(m))).toEqual([])
      if (!isPipelined || this.refusedOnce.has(n)) expect(earlier).toEqual([])
      this.wire.add(n)
      expect(this.wire.size).toBeLessThanOrEqual(WIRE)
    }
  }

  #pick(from: ReadonlySet<number>, which: number, act: (n: number) => void): void {
    const n = [...from][which % from.size]
    if (n !== undefined) act(n)
  }
}

test('C-COMMAND-2 C-COMMAND-3 C-COMMAND-12 C-COMMAND-13 C-COMMAND-14 command queue - whatever happens, commands of one entity go in order and every one gets its turn', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
      world.finish()
    }),
    { numRuns: 100 },
  )
})

test('C-COMMAND-9 command queue - holds what its limits allow', () => {
  const queue = new CommandQueue<string>({ maxFrames: 2, maxBytes: 100 })
  const push = (id: string, bytes: number) => queue.push({ id, subject: 's', isPipelined: false, bytes, item: id })
  expect(queue.hasRoom(101)).toBe(false)
  push('a', 60)
  expect([queue.hasRoom(40), queue.hasRoom(41)]).toEqual([true, false])
  push('b', 10)
  expect(queue.hasRoom(1)).toBe(false)
  queue.settle('a')
  expect([queue.hasRoom(90), queue.hasRoom(91)]).toEqual([true, false])
})
