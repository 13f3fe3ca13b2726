import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Outbox } from '../src/publishing/outbox.ts'
import { type Answer, DOOMED, type Epochs, type Luck, ModelServer } from './support/model-server.ts'

const GRANT = { frames: 5, bytes: 450 }
const MAX_AGE_MS = 50

type Step =
  | {
      readonly kind: 'publish'
      readonly bytes: number
      readonly isDoomed: boolean
      readonly partitions: readonly number[]
    }
  | { readonly kind: 'arrive'; readonly luck: Luck }
  | { readonly kind: 'answer'; readonly which: number }
  | { readonly kind: 'pause_over' }
  | { readonly kind: 'disconnect'; readonly arriving: number; readonly luck: Luck }
  | { readonly kind: 'connect' }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'lose'; readonly partition: number; readonly count: number }
  | { readonly kind: 'tell'; readonly partition: number }

/** An outbox with the least of a driver: sends whenever it may, pauses after a refusal, checks what must always hold. */
class Client {
  readonly outbox = new Outbox<string>({ maxFrames: 1_000, maxBytes: 1_000_000, maxAgeMs: MAX_AGE_MS })
  readonly server = new ModelServer((epochs) => this.#online && this.#told(epochs))
  readonly published: string[] = []
  readonly fates = new Map<string, 'acked' | 'rejected' | 'expired'>()
  #online = true
  #paused = false
  #now = 0
  #highestSeq = 0
  readonly #bytes = new Map<string, number>()
  readonly #partitions = new Map<string, readonly number[]>()
  /** What the server told on this connection. */
  readonly #epochs = new Map<number, string>()

  run(step: Step): void {
    switch (step.kind) {
      case 'publish': {
        const item = `${step.isDoomed ? DOOMED : 'f'}${this.published.length}`
        this.published.push(item)
        this.#bytes.set(item, step.bytes)
        this.#partitions.set(item, step.partitions)
        this.outbox.push(item, step.bytes, this.#now)
        break
      }
      case 'arrive':
        this.server.arrive(step.luck)
        break
      case 'answer': {
        // Answers may overtake each other: partitions are independent.
        const [answer] = this.server.toClient.splice(step.which % (this.server.toClient.length || 1), 1)
        if (answer !== undefined) this.#answered(answer)
        break
      }
      case 'pause_over':
        this.#paused = false
        break
      case 'disconnect':
        this.#online = false
        this.server.disconnect(step.arriving, step.luck)
        this.outbox.disconnected()
        this.#epochs.clear()
        this.#paused = false
        break
      case 'connect':
        if (this.#online) break
        this.#online = true
        this.#told(this.server.connect(this.outbox.keptEpochs))
        break
      case 'lose':
        this.server.lose(step.partition, step.count)
        break
      case 'tell':
        this.server.notice(step.partition)
        break
      case 'time':
        this.#now += step.ms
        for (const item of this.outbox.expire(this.#now)) this.#settled(item, 'expired')
    }
    this.#pump()
  }

  partitionsOf(item: string): readonly number[] {
    return this.#partitions.get(item)!
  }

  #answered(answer: Answer): void {
    switch (answer.kind) {
      case 'again':
        this.#paused = this.outbox.refuse(answer.seq) || this.#paused
        break
      case 'epoch_changed':
        this.#paused = this.outbox.refuse(answer.seq) || this.#paused
        this.#told(answer.epochs)
        break
      case 'final': {
        const item = this.outbox.finish(answer.seq)
        if (item !== undefined) this.#settled(item, 'rejected')
        break
      }
      case 'ack': {
        const item = this.outbox.keep(answer.seq, answer.epochs, this.#now)?.item
        // What was acknowledged before and lost is acknowledged again.
        if (item !== undefined && this.fates.get(item) !== 'acked') this.#settled(item, 'acked')
        for (const [partition, epoch] of this.#epochs) {
          if ((answer.epochs.get(partition) ?? epoch) !== epoch) this.outbox.restore(partition, epoch)
        }
      }
    }
  }

  #told(epochs: Epochs): void {
    for (const [partition, epoch] of epochs) {
      this.#epochs.set(partition, epoch)
      this.outbox.restore(partition, epoch)
    }
  }

  #pump(): void {
    if (!this.#online || this.#paused) return
    for (let due = this.outbox.next(this.#now, GRANT); due !== undefined; due = this.outbox.next(this.#now, GRANT)) {
      const { seq, item, ageMs } = due
      this.#checkSending(seq, ageMs)
      this.server.toServer.push({ seq, item, partitions: this.#partitions.get(item)! })
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
      partitions: fc.constantFrom([0], [1], [0, 1]),
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
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      partition: fc.nat({ max: 1 }),
      count: fc.nat({ max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('tell' as const), partition: fc.nat({ max: 1 }) }) },
)

test('C-ONCE-1 C-KEEP-2 outbox - never loses, reorders or doubles, whatever the server does and Redis loses', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const client = new Client()
      for (const each of steps) client.run(each)
      client.run({ kind: 'connect' })
      const settle = () => {
        for (let round = 0; client.outbox.size > 0; round++) {
          expect(round).toBeLessThan(20 * (steps.length + 1))
          client.run({ kind: 'pause_over' })
          client.run({ kind: 'arrive', luck: 'store' })
          client.run({ kind: 'answer', which: 0 })
        }
      }
      settle()
      // A client with nothing left to publish is told, too; after `welcome` if it was away.
      client.run({ kind: 'disconnect', arriving: 0, luck: 'store' })
      client.run({ kind: 'connect' })
      settle()
      const { published, fates, server } = client
      expect([...fates.keys()].sort()).toEqual([...published].sort())
      for (const [partition, { frames }] of server.logs.entries()) {
        const owed = published.filter(
          (item) => fates.get(item) === 'acked' && client.partitionsOf(item).includes(partition),
        )
        expect(frames.map(({ item }) => item)).toEqual(owed)
      }
      expect(published.filter((item) => fates.get(item) === 'rejected' && !item.startsWith(DOOMED))).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})
