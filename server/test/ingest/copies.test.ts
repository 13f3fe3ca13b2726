import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readStoredEvents } from '../../../load-tests/src/support/stored-events.ts'
import { Rights } from '../../src/access/index.ts'
import { type Bus, BusUnavailable, type Log, partitionOf } from '../../src/bus/index.ts'
import { Ingest, Producer, type PublishOutcome } from '../../src/ingest/index.ts'
import { contract, readingOf } from '../support/contract.ts'
import { useBus, useRedis } from '../support/use-redis.ts'

const PARTITIONS = 3
const { server, redis } = await useRedis()
const opened = useBus(server, PARTITIONS)
const KEYS = Array.from({ length: PARTITIONS }, (_, p) => {
  for (let i = 0; ; i++) if (partitionOf(`s-${i}`, PARTITIONS) === p) return `s-${i}`
})

/** A bus whose appends wait until they are let through, or fail without having been stored. */
class Link {
  readonly #held: { readonly partition: number; readonly pass: () => void; readonly fail: () => void }[] = []
  isOpen = false
  readonly bus: Bus

  constructor(bus: Bus) {
    const log = (partition: number, name: 'append') => this.#holding(bus.log(partition, name))
    this.bus = new Proxy(bus, { get: (target, name) => (name === 'log' ? log : bound(target, name)) })
  }

  #holding(log: Log): Log {
    const append: Log['append'] = async (...args) => {
      if (!this.isOpen) {
        await new Promise<void>((pass, reject) => {
          const fail = () => reject(new BusUnavailable('unknown', 0, 'held'))
          this.#held.push({ partition: log.partition, pass, fail })
        })
      }
      return log.append(...args)
    }
    return new Proxy(log, { get: (target, name) => (name === 'append' ? append : bound(target, name)) })
  }

  end(which: number, how: 'pass' | 'fail'): void {
    if (this.#held.length > 0) this.#held.splice(which % this.#held.length, 1)[0]![how]()
  }

  open(): void {
    this.isOpen = true
    while (this.#held.length > 0) this.end(0, 'pass')
  }
}

function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target)
  return typeof value === 'function' ? value.bind(target) : value
}

const frame = fc.uniqueArray(fc.nat(PARTITIONS - 1), { minLength: 1 })
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('send' as const, 'copy' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constantFrom('pass' as const, 'fail' as const, 'fail' as const), which: fc.nat(20) }),
  fc.constant({ kind: 'wait' as const, which: 0 }),
)

/** A breaker that a busy machine has opened is closed again within a second. */
const RETRY_MS = 100

let producers = 0

test('I-APPEND-9 frames that come twice while appends fail are stored once, and none looks stored that is not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 2, maxLength: 6 }), fc.array(step, { maxLength: 24 }), run),
    { numRuns: 60, examples: [OVERTAKEN] },
  )
}, 60_000)

/** The first two fail together, and a copy of the second, which waited, does not. */
const OVERTAKEN: [number[][], { kind: 'send' | 'copy' | 'pass' | 'fail' | 'wait'; which: number }[]] = [
  [[0], [0]],
  [
    { kind: 'send', which: 0 },
    { kind: 'send', which: 0 },
    { kind: 'wait', which: 0 },
    { kind: 'copy', which: 1 },
    { kind: 'fail', which: 0 },
    { kind: 'wait', which: 0 },
    { kind: 'pass', which: 0 },
  ],
]

async function run(
  frames: readonly (readonly number[])[],
  steps: readonly { readonly kind: 'send' | 'copy' | 'pass' | 'fail' | 'wait'; readonly which: number }[],
): Promise<void> {
  const link = new Link(opened.bus)
  const ingest = new Ingest({
    bus: link.bus,
    contract,
    clock: { now: () => 1_732_350_000_000 },
    report: () => 'x',
    known: () => [],
  })
  const name = `p-${producers++}`
  const state = new Producer(name, 1, [], '7')
  const acked = new Set<number>()
  const conflicting = new Set<number>()
  const underWay = new Set<Promise<void>>()
  const send = (seq: number, ageMs?: number) => {
    const events = frames[seq - 1]!.map((p) => ({
      id: `${name}-${seq}-${p}`,
      time: 1_732_350_000_000,
      ...readingOf(KEYS[p]!, seq),
    }))
    const request = { rights: Rights.EVERYTHING, topic: 'sensor.reading', events }
    const identity = { state, seq, ...(ageMs !== undefined && { ageMs }) }
    const answered = new Promise<PublishOutcome>((resolve) =>
      ingest.publish({ ...request, producer: identity }, resolve),
    )
    const done = answered.then((outcome) => {
      underWay.delete(done)
      if (outcome.kind === 'ack') acked.add(seq)
      // A copy that comes after later frames looks as if its client had begun to count anew: it is told.
      else if (outcome.retryAfterMs === undefined) conflicting.add(seq)
      // It is asked for again, though another copy of it was acknowledged.
      else acked.delete(seq)
    })
    underWay.add(done)
  }
  let sent = 0
  for (const { kind, which } of steps) {
    if (kind === 'send' && sent < frames.length) send(++sent)
    else if (kind === 'copy' && sent > 0) send(1 + (which % sent))
    else if (kind === 'wait') await new Promise((resolve) => setTimeout(resolve, 8))
    else if (kind === 'pass' || kind === 'fail') link.end(which, kind)
    await new Promise((resolve) => setImmediate(resolve))
  }
  link.open()
  // As a client does: once nothing is on its way, what is left goes again in order, each time after a wait.
  const left = () => frames.map((_, i) => i + 1).filter((seq) => !acked.has(seq) && !conflicting.has(seq))
  await Promise.all(underWay)
  for (let round = 0; left().length > 0; round++) {
    expect(round).toBeLessThan(20)
    for (const seq of left()) send(seq, 50)
    await Promise.all(underWay)
    if (left().length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
  const ids = await stored(name)
  expect(new Set(ids).size).toBe(ids.length)
  for (const seq of acked) for (const p of frames[seq - 1]!) expect(ids).toContain(`${name}-${seq}-${p}`)
}

async function stored(name: string): Promise<string[]> {
  const logs = await Promise.all(KEYS.map((_, p) => readStoredEvents(redis, p, 'sensor.reading')))
  return logs.flat().flatMap(({ body: { id } }) => (id.startsWith(`${name}-`) ? [id] : []))
}
