import { createClient, type TidegateClient } from '@tidegate/client/node'

const TOPIC = 'hostile.load'
/** Events per second: enough for a 99th percentile of some seconds. */
const EVERY_MS = 10

/** A client that keeps to the rules: publishes, and reads what it has published. */
export class GoodClient {
  readonly #client: TidegateClient
  #timer: NodeJS.Timeout | undefined
  readonly #sent = new Map<number, number>()
  #next = 0
  #latenciesMs: number[] = []
  failures = 0

  private constructor(port: number) {
    this.#client = createClient({ url: `http://127.0.0.1:${port}` })
  }

  static async start(port: number): Promise<GoodClient> {
    const good = new GoodClient(port)
    const subscription = good.#client.subscribe(TOPIC, {}, (event) => good.#received(event.data as { value: number }))
    // Events stored before it begins are none of its own.
    await subscription.ready
    good.#timer = setInterval(() => good.#publish(), EVERY_MS)
    return good
  }

  /** Times from publish to callback since the last call, ms. */
  takeLatenciesMs(): number[] {
    const taken = this.#latenciesMs
    this.#latenciesMs = []
    return taken
  }

  /** Ages of the events that have not come yet, ms: late already, if they are older than others took. */
  waitingMs(): number[] {
    return [...this.#sent.values()].map((sentAt) => performance.now() - sentAt)
  }

  /** Events without a callback. */
  get missing(): number {
    return this.#sent.size
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#client.close({ deadlineMs: 2_000 })
  }

  stopPublishing(): void {
    clearInterval(this.#timer)
  }

  #publish(): void {
    const value = this.#next++
    this.#sent.set(value, performance.now())
    this.#client.publish(TOPIC, [{ data: { key: `k${value % 8}`, value } }]).catch(() => this.failures++)
  }

  #received({ value }: { readonly value: number }): void {
    const sentAt = this.#sent.get(value)
    if (sentAt === undefined) return
    this.#sent.delete(value)
    this.#latenciesMs.push(performance.now() - sentAt)
  }
}
