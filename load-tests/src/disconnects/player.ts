import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientOptions, createClient, type TidegateClient, TidegateError } from '@tidegate/client'
import { createTestNetwork, type TestNetwork } from '@tidegate/client/testing'
import { READING } from './disconnects.config.ts'
import { type ByKey, Watch } from './watch.ts'

export interface PlayerOptions {
  readonly url: string
  readonly WebSocket: NonNullable<ClientOptions['WebSocket']>
  /** Its keys begin with it: no two players have the same. */
  readonly name: string
}

interface Published {
  readonly id: string
  readonly key: string
  /** `acked`, or the code of a refusal; absent while nothing is known. */
  fate?: string
}

const KEYS = 3
const MAX_WATCHES = 6
/** A client that was refused waits up to 10 s before it connects again. */
const SETTLE_MS = 30_000
const POLL_MS = 5

/** A client on a network that fails as it is told to, and an account of what it was promised. */
export class Player {
  readonly network: TestNetwork
  readonly published: Published[] = []
  readonly watches: Watch[] = []
  readonly keys: readonly string[]
  disconnects = 0
  readonly #client: TidegateClient
  readonly #name: string
  readonly #promises: Promise<unknown>[] = []
  readonly #endings: (() => void)[] = []
  #unsettled = 0

  constructor({ url, WebSocket, name }: PlayerOptions) {
    this.#name = name
    this.keys = Array.from({ length: KEYS }, (_, key) => `${name}-${key}`)
    this.network = createTestNetwork(WebSocket)
    this.#client = createClient({ url, WebSocket: this.network.WebSocket, producer: name })
    this.#client.onError(() => {})
  }

  /** One call with events of keys that are chosen by number. */
  publish(keys: readonly number[]): void {
    const events = keys.map((key) => {
      const event: Published = { id: `${this.#name}-${this.published.length}`, key: this.keys[key % KEYS]! }
      this.published.push(event)
      return event
    })
    const data = events.map(({ id, key }) => ({ id, data: { sensorId: key, number: this.published.length } }))
    const settle = (fate: string) => {
      for (const event of events) event.fate = fate
    }
    this.#track(
      this.#client.publish(READING, data).then(
        () => settle('acked'),
        (error: unknown) => settle(codeOf(error)),
      ),
    )
  }

  subscribe(start: Watch['start'], iterates: boolean): void {
    if (this.watches.filter(({ isOpen }) => isOpen).length >= MAX_WATCHES) return
    const watch = new Watch(this.#client, this.keys, start, iterates)
    this.watches.push(watch)
    this.#track(watch.settled)
  }

  unsubscribe(which: number): void {
    const open = this.watches.filter(({ isOpen }) => isOpen)
    open[which % open.length]?.close()
  }

  query(): void {
    this.#track(this.#client.query('topics').catch(() => {}))
  }

  /** @param retryAfterMs the advice with which the connection is closed; absent: it breaks */
  cut(retryAfterMs: number | undefined): void {
    if (this.network.sockets > 0) this.disconnects++
    this.network.cut(retryAfterMs === undefined ? {} : { code: 4_008, reason: JSON.stringify({ retryAfterMs }) })
  }

  /** Starts something that ends with the next `mend`. */
  disturb(start: (network: TestNetwork) => () => void): void {
    this.#endings.push(start(this.network))
  }

  mend(): void {
    for (const end of this.#endings.splice(0)) end()
    this.network.lag(0)
  }

  /** Waits until the newest call is answered, for a short time at most. */
  async breathe(ms: number): Promise<void> {
    await Promise.race([this.#promises.at(-1), sleep(ms)])
  }

  /** Everything works again: every publish is answered, and open subscriptions get what was stored. */
  async settle(): Promise<string[]> {
    this.mend()
    const isAnswered = () => this.published.every(({ fate }) => fate !== undefined)
    const acked = () => this.published.filter(({ fate }) => fate === 'acked')
    const isDelivered = (watch: Watch) => !watch.isOpen || watch.hasAll(acked())
    const faults: string[] = []
    if (!(await until(isAnswered))) faults.push('publishes have no answer')
    if (!(await until(() => this.watches.every(isDelivered)))) faults.push('acknowledged events were not delivered')
    return faults
  }

  /** Closes the client. @returns what does not hold then */
  async close(): Promise<string[]> {
    this.mend()
    await this.#client.close({ deadlineMs: 1_000 })
    const faults: string[] = []
    if (!(await until(() => this.#unsettled === 0))) faults.push(`${this.#unsettled} promises are pending`)
    if (!(await until(() => this.network.sockets === 0))) faults.push(`${this.network.sockets} sockets are open`)
    return faults
  }

  /** Compares promises with the log. */
  faults(log: ByKey): string[] {
    const faults = this.watches.flatMap((watch) => watch.faults(log))
    for (const key of this.keys) {
      const stored = log.get(key) ?? []
      const numbers = stored.map((id) => Number(id.slice(this.#name.length + 1)))
      if (numbers.some((number, i) => i > 0 && number <= numbers[i - 1]!)) faults.push(`${key}: stored as ${stored}`)
      for (const { id, fate } of this.published.filter((event) => event.key === key)) {
        const times = stored.filter((other) => other === id).length
        const isRight = fate === 'acked' ? times === 1 : fate === 'closed' ? times <= 1 : times === 0
        if (!isRight) faults.push(`${id} is ${fate}, and stored ${times} times`)
      }
    }
    return faults
  }

  #track(promise: Promise<unknown>): void {
    this.#unsettled++
    this.#promises.push(promise.finally(() => this.#unsettled--))
    // Old ones are only counted.
    if (this.#promises.length > 1) this.#promises.shift()
  }
}

async function until(isTrue: () => boolean): Promise<boolean> {
  const deadline = performance.now() + SETTLE_MS
  while (!isTrue()) {
    if (performance.now() > deadline) return false
    await sleep(POLL_MS)
  }
  return true
}

function codeOf(error: unknown): string {
  return error instanceof TidegateError ? error.code : String(error)
}
