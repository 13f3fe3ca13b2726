import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Outbox } from '../src/outbox.ts'
import { DOOMED, type Luck, ModelServer } from './support/model-server.ts'

const GRANT = { frames: 5, bytes: 450 }
const MAX_AGE_MS = 50

type Step =
  | { readonly kind: 'publish'; readonly bytes: number; readonly isDoomed: boolean }
  | { readonly kind: 'arrive'; readonly luck: Luck }
  | { readonly kind: 'answer'; readonly which: number }
  | { readonly kind: 'pause_over' }
  | { readonly kind: 'disconnect'; readonly arriving: number; readonly luck: Luck }
  | { readonly kind: 'connect' }
  | { readonly kind: 'time'; readonly ms: number }

/** An outbox with the least of a driver: sends whenever it may, pauses after a refusal, checks what must always hold. */
class Client {
  readonly outbox = new Outbox<string>({ maxFrames: 1_000, maxBytes: 1_000_000, maxAgeMs: MAX_AGE_MS })
  readonly server = new ModelServer()
  readonly published: string[] = []
  readonly fates = new Map<string, 'acked' | 'rejected' | 'expired'>()
  #online = true
  #paused = false
  #now = 0
  #highestSeq = 0
  readonly #bytes = new Map<string, number>()

  run(step: Step): void {
    switch (step.kind) {
      case 'publish': {
        const item = `${step.isDoomed ? DOOMED : 'f'}${this.published.length}`
        this.published.push(item)
        this.#bytes.set(item, step.bytes)
        this.outbox.push(item, step.bytes, this.#now)
        break
      }
      case 'arrive':
        this.server.arrive(step.luck)
        break
      case 'answer': {
        // Answers may overtake each other: partitions are independent.
        const [answer] = this.server.toClient.splice(step.which % (this.server.toClient.length || 1), 1)
        if (answer?.kind === 'again') this.#paused = this.outbox.refuse(answer.seq) || this.#paused
        else if (answer !== undefined) {
          const item = this.outbox.settle(answer.seq)
          if (item !== undefined) this.#settled(item, answer.kind === 'ack' ? 'acked' : 'rejected')
        }
        break
      }
      case 'pause_over':
        this.#paused = false
        break
      case 'disconnect':
        this.server.disconnect(step.arriving, step.luck)
        this.outbox.disconnected()
        this.#paused = false
        this.#online = false
        break
      case 'connect':
        this.#online = true
        break
      case 'time':
        this.#now += step.ms
        for (const item of this.outbox.expire(this.#now)) this.#settled(item, 'expired')
    }
    this.#pump()
  }

  #pump(): void {
    if (!this.#online || this.#paused) return
    for (let due = this.outbox.next(this.#now, GRANT); due !== undefined; due = this.outbox.next(this.#now, GRANT)) {
      const { seq, item, ageMs } = due
      this.#checkSending(seq, ageMs)
      this.server.toServer.push({ seq, item })
      this.#checkGrant()
    }
  }

  #checkSending(seq: number, ageMs: number | undefined): void {
    const isNew = seq > this.#highestSeq
    if (isNew) expect(seq).toBe(++this.#highestSeq)
    expect(ageMs === undefined).toBe(isNew)
    const copies = [...this.server.toServer, ...this.server.toClient].filter((frame) => frame.seq === seq)
    expect(copies).toEqual([])
  }

  #checkGrant(): void {
    const { toServer, toClient } = this.server
    expect(toServer.length + toClient.length).toBeLessThanOrEqual(GRANT.frames)
    const bytes = toServer.reduce((sum, { item }) => sum + this.#bytes.get(item)!, 0)
    if (toServer.length > 1) expect(bytes).toBeLessThanOrEqual(GRANT.bytes)
  }

  #settled(item: string, fate: 'acked' | 'rejected' | 'expired'): void {
    expect(this.fates.has(item)).toBe(false)
    this.fates.set(item, fate)
  }
}

const luck = fc.constantFrom<Luck>('store', 'store', 'store', 'unavailable', 'lost_answer')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      bytes: fc.integer({ min: 1, max: 500 }),
      isDoomed: fc.nat({ max: 9 }).map((n) => n === 0),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('arrive' as const), luck }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause_over' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('disconnect' as const), arriving: fc.nat({ max: 5 }), luck }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('connect' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 60 }) }) },
)

test('outbox - never loses, reorders or doubles, whatever the server does (C-ONCE-1)', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const client = new Client()
      for (const each of steps) client.run(each)
      client.run({ kind: 'connect' })
      for (let round = 0; client.outbox.size > 0; round++) {
        expect(round).toBeLessThan(10 * steps.length)
        client.run({ kind: 'pause_over' })
        client.run({ kind: 'arrive', luck: 'store' })
        client.run({ kind: 'answer', which: 0 })
      }
      const { published, fates, server } = client
      expect([...fates.keys()].sort()).toEqual([...published].sort())
      expect(server.log.map(({ item }) => item)).toEqual(published.filter((item) => fates.get(item) === 'acked'))
      expect(published.filter((item) => fates.get(item) === 'rejected' && !item.startsWith(DOOMED))).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})
