import { createClient } from '@tidegate/client/node'

const TICK_MS = 100
/** With the time, about 200 bytes of data an event. */
const TEXT = 'x'.repeat(150)

/** Publishes this many events ten times a second, all of one key. */
export class SteadyPublisher {
  /** Stored, as acknowledged. */
  published = 0
  readonly #client
  readonly #timer: NodeJS.Timeout
  #perTick = 0
  #underWay = 0

  constructor(port: number) {
    this.#client = createClient({ url: `http://127.0.0.1:${port}` })
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  set perSecond(events: number) {
    this.#perTick = Math.round((events * TICK_MS) / 1_000)
  }

  /** Stops, and waits until everything is acknowledged. */
  async stop(): Promise<void> {
    this.#perTick = 0
    while (this.#underWay > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#client.close({ deadlineMs: 1_000 })
  }

  #tick(): void {
    const count = this.#perTick
    if (count === 0) return
    this.#underWay++
    const events = Array.from({ length: count }, () => ({ data: { key: 'k', text: TEXT, sentAt: Date.now() } }))
    void this.#client.publish('bench.event', events).then(() => {
      this.published += count
      this.#underWay--
    })
  }
}
