import { type BusChange, createClient, type TidegateClient, TidegateError } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import { partitionOf } from '../../../server/src/bus/index.ts'
import type config from './chaos.config.ts'
import { PARTITIONS } from './deployment.ts'

/** The fate of an event at its publisher. */
export interface PublishedEvent {
  readonly n: number
  readonly partition: number
  /** By a producer that goes away when the disturbance begins, and so cannot send it again. */
  readonly isOrphan: boolean
  /** `performance.now()` when it was acknowledged, and under which log epoch. */
  ack: { readonly at: number; readonly epoch: string } | undefined
}

export interface LoadOptions {
  /** How long ago readings were taken. */
  readonly ageMs?: number
  /** More bytes in each reading. */
  readonly padBytes?: number
  /** How long publishes wait for a gateway. Absent: as long as they usually do. */
  readonly maxAgeMs?: number
  /** A burst of this many events of one sensor, in addition to the steady ones. */
  readonly bursts?: { readonly everyMs: number; readonly events: number; readonly padBytes: number }
}

const SENSORS = 64
const TICK_MS = 20
/** 500 events a second. */
const FRAME_EVENTS = 10
/** 100 a second. */
const ORPHAN_FRAME_EVENTS = 2
const CLOSE_DEADLINE_MS = 15_000

/** Publishes readings at a steady rate through two SDK clients, and notes the fate of each by its id. */
export class SteadyLoad {
  readonly events = new Map<string, PublishedEvent>()
  /** Codes of calls that were rejected, with the number of their events. */
  readonly rejected = new Map<string, number>()
  readonly bus: { readonly at: number; readonly change: BusChange }[] = []
  readonly #random: () => number
  readonly #lasting: TidegateClient<typeof config>
  readonly #orphan: TidegateClient<typeof config>
  readonly #ageMs: number
  readonly #timers: NodeJS.Timeout[]
  #orphanEnded = false
  #n = 0

  constructor(url: string, random: () => number, { ageMs = 0, padBytes = 0, maxAgeMs, bursts }: LoadOptions = {}) {
    this.#random = random
    this.#ageMs = ageMs
    this.#lasting = createClient<typeof config>({ url, ...(maxAgeMs !== undefined && { outbox: { maxAgeMs } }) })
    this.#orphan = createClient<typeof config>({ url })
    this.#lasting.onBus((change) => this.bus.push({ at: performance.now(), change }))
    this.#timers = [setInterval(() => this.#tick(padBytes), TICK_MS)]
    if (bursts !== undefined) this.#timers.push(setInterval(() => this.#burst(bursts), bursts.everyMs))
  }

  /** The number that the next event gets: they are published in this order. */
  get next(): number {
    return this.#n
  }

  /** One of the producers is gone at once, whatever it still waits for. */
  endOrphan(): void {
    this.#orphanEnded = true
    void this.#orphan.close({ deadlineMs: 0 })
  }

  /** Publishes no more, and waits until everything is answered. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all([this.#lasting, this.#orphan].map((client) => client.close({ deadlineMs: CLOSE_DEADLINE_MS })))
  }

  #tick(padBytes: number): void {
    const sensors = (count: number) => Array.from({ length: count }, () => this.#sensor())
    this.#publish(this.#lasting, sensors(FRAME_EVENTS), padBytes, false)
    if (!this.#orphanEnded) this.#publish(this.#orphan, sensors(ORPHAN_FRAME_EVENTS), padBytes, true)
  }

  #burst({ events, padBytes }: NonNullable<LoadOptions['bursts']>): void {
    this.#publish(this.#lasting, new Array<string>(events).fill(this.#sensor()), padBytes, false)
  }

  #sensor(): string {
    return `s-${Math.floor(this.#random() * SENSORS)}`
  }

  #publish(
    client: TidegateClient<typeof config>,
    sensors: readonly string[],
    padBytes: number,
    isOrphan: boolean,
  ): void {
    const published: PublishedEvent[] = []
    const time = Date.now() - this.#ageMs
    const pad = padBytes > 0 ? { pad: 'x'.repeat(padBytes) } : {}
    const events = sensors.map((sensorId) => {
      const n = this.#n++
      const event = { n, partition: partitionOf(sensorId, PARTITIONS), isOrphan, ack: undefined }
      const id = `e-${n}`
      this.events.set(id, event)
      published.push(event)
      return { id, time, data: { sensorId, n, celsius: Math.floor(this.#random() * 4_000) / 100, ...pad } }
    })
    client.publish('chaos.reading', events).then(
      ({ at, rejected }) => {
        const now = performance.now()
        const epochs = new Map(at.map((text) => parsePosition(text)!).map(({ partition, epoch }) => [partition, epoch]))
        const refused = new Set(rejected.map(({ index }) => index))
        for (const { code } of rejected) this.#count(code, 1)
        for (const [i, event] of published.entries()) {
          if (!refused.has(i)) event.ack = { at: now, epoch: epochs.get(event.partition) ?? '' }
        }
      },
      (error) => {
        // The orphan's end rejects what it waits for.
        if (!isOrphan) this.#count(error instanceof TidegateError ? error.code : String(error), sensors.length)
      },
    )
  }

  #count(code: string, events: number): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + events)
  }
}
