import { createClient, type TidegateClient, TidegateError } from '@tidegate/client/node'
import type config from '../chaos/chaos.config.ts'
import { Column } from './column.ts'

const TICK_MS = 50
/** 60 events a second of each publisher. */
const FRAME_EVENTS = 3
const SENSORS_EACH = 16
const CLOSE_DEADLINE_MS = 30_000

/**
 * SDK clients that publish readings at a steady rate, each of sensors of its own, and remember which were acknowledged.
 */
export class Publishers {
  /** Events published, numbered from 0. */
  published = 0
  acked = 0
  /** Codes with which events were refused, with their numbers. */
  readonly rejected = new Map<string, number>()
  readonly #acked = new Column()
  readonly #clients: readonly TidegateClient<typeof config>[]
  readonly #random: () => number
  readonly #timer: NodeJS.Timeout

  constructor(urls: readonly string[], random: () => number) {
    this.#random = random
    this.#clients = urls.map((url) => createClient<typeof config>({ url }))
    this.#timer = setInterval(() => {
      for (const [i, client] of this.#clients.entries()) void this.#publish(client, i)
    }, TICK_MS)
  }

  isAcked(n: number): boolean {
    return this.#acked.get(n) !== 0
  }

  /** Publishes no more, and waits until everything is answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#clients.map((client) => client.close({ deadlineMs: CLOSE_DEADLINE_MS })))
  }

  async #publish(client: TidegateClient<typeof config>, publisher: number): Promise<void> {
    const first = this.published
    this.published += FRAME_EVENTS
    const events = Array.from({ length: FRAME_EVENTS }, (_, i) => {
      const n = first + i
      const sensorId = `s-${publisher * SENSORS_EACH + Math.floor(this.#random() * SENSORS_EACH)}`
      return { id: `e-${n}`, data: { sensorId, n, celsius: Math.floor(this.#random() * 4_000) / 100 } }
    })
    try {
      const { rejected } = await client.publish('chaos.reading', events)
      const refused = new Set(rejected.map(({ index }) => index))
      for (const { code } of rejected) this.#reject(code, 1)
      for (let i = 0; i < FRAME_EVENTS; i++) {
        if (refused.has(i)) continue
        this.#acked.set(first + i, 1)
        this.acked++
      }
    } catch (error) {
      this.#reject(error instanceof TidegateError ? error.code : String(error), FRAME_EVENTS)
    }
  }

  #reject(code: string, events: number): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + events)
  }
}
