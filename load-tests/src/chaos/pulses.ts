import { createClient, type TidegateClient } from '@tidegate/client/node'
import { partitionOf } from '../../../server/src/bus/index.ts'
import type config from './chaos.config.ts'
import { ALL_PARTITIONS, PARTITIONS } from './deployment.ts'

const EVERY_MS = 25
const CLOSE_DEADLINE_MS = 500

interface Pulse {
  readonly sentAt: number
  deliveredAt: number | undefined
}

/**
 * An event of each partition every 25 ms, each by a client of its own, and a subscriber to all of them: how long the way from
 * publisher to subscriber was interrupted, by partition. The frames of `SteadyLoad` have events of all partitions, so one that waits
 * holds up those behind it.
 */
export class Pulses {
  readonly #reader: TidegateClient<typeof config>
  readonly #clients: readonly TidegateClient<typeof config>[]
  readonly #timers: readonly NodeJS.Timeout[]
  /** By partition, in the order in which they were sent. */
  readonly #pulses: readonly Map<string, Pulse>[]

  constructor(url: string) {
    this.#pulses = ALL_PARTITIONS.map(() => new Map())
    this.#reader = createClient<typeof config>({ url })
    this.#reader.subscribe('chaos.probe', {}, ({ data }: { readonly data: { readonly key: string } }) => {
      const pulse = this.#pulses[partitionOf(data.key, PARTITIONS)]!.get(data.key)
      if (pulse !== undefined) pulse.deliveredAt ??= performance.now()
    })
    this.#clients = ALL_PARTITIONS.map(() => createClient<typeof config>({ url }))
    this.#timers = ALL_PARTITIONS.map((partition) => {
      const keys = keysOf(partition)
      return setInterval(() => this.#send(partition, keys.next().value!), EVERY_MS)
    })
  }

  /** Longest way of an event of a partition that was published in a stretch of time, ms; as long as it is on its way. */
  longest(partition: number, from: number, to: number): number {
    const sent = [...this.#pulses[partition]!.values()].filter(({ sentAt }) => sentAt >= from && sentAt <= to)
    return Math.max(0, ...sent.map(({ sentAt, deliveredAt = performance.now() }) => deliveredAt - sentAt))
  }

  /** When the first event of a partition published after a moment came; `undefined` before. */
  flowsAt(partition: number, from: number): number | undefined {
    const first = [...this.#pulses[partition]!.values()].find(({ sentAt }) => sentAt >= from)
    return first?.deliveredAt
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all([this.#reader, ...this.#clients].map((client) => client.close({ deadlineMs: CLOSE_DEADLINE_MS })))
  }

  #send(partition: number, key: string): void {
    this.#pulses[partition]!.set(key, { sentAt: performance.now(), deliveredAt: undefined })
    // Publishes left unanswered at the end of the run are not accounted for.
    this.#clients[partition]!.publish('chaos.probe', { data: { key } }).catch(() => {})
  }
}

/** Keys of a partition, each another one. */
function* keysOf(partition: number): Generator<string, never> {
  for (let n = 0; ; n++) {
    const key = `pulse-${partition}-${n}`
    if (partitionOf(key, PARTITIONS) === partition) yield key
  }
}
