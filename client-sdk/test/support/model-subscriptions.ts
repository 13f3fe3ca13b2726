import type { BatchPart, ClientFrame, PositionVector, ServerFrame, SubscriptionLedger } from '@tidegate/protocol'
import type { Link } from '../../src/connection/connection.ts'
import { CreditMeter, FrameReceipt } from '../../src/frames/credit.ts'
import type { FrameHandlers } from '../../src/frames/part.ts'
import type { EventCallback } from '../../src/subscriptions/active-subscription.ts'
import { AskingSubscription } from '../../src/subscriptions/asking-subscription.ts'
import { type Ask, openGap } from '../../src/subscriptions/gap.ts'
import { OptionChanges } from '../../src/subscriptions/option-changes.ts'
import type { SubscribeOptions } from '../../src/subscriptions/subscribe-options.ts'
import { Subscriptions } from '../../src/subscriptions/subscriptions.ts'
import { TOPIC } from './subscription-frames.ts'

export const PARTITIONS = 2
export const WINDOW_BYTES = 1_000
const EVENT_BYTES = 100

type SubscribeFrame = Extract<ClientFrame, { type: 'subscribe' }>

interface ServerSubscription {
  readonly keys: readonly string[] | undefined
  /** By partition, how much of its log it has had. */
  readonly reached: number[]
  snapshotDue: boolean
  isPaused: boolean
  readonly ledger: { -readonly [Count in keyof SubscriptionLedger]: number }
}

/** Event n of a partition, or everything up to it. */
export const at = (partition: number, n: number, index = 0) => `${partition}@e/${n}-0.${index}`
const WHOLE = 999_999

/** Subscriptions over a link that a model of the server answers, one step after the other. */
export class ModelSubscriptions {
  readonly logs: string[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly server = new Map<number, ServerSubscription>()
  readonly subscriptions: Subscriptions
  /** What the client has sent that was not handled. */
  #sent: ClientFrame[] = []
  isOnline = false
  sentBytes = 0
  consumedBytes = 0
  #meter = this.#openMeter()
  #window = openWindow()

  constructor() {
    const link: Omit<Link, 'isOnline'> = {
      send: (frame: ClientFrame) => this.#sent.push(frame),
      sendText: () => {},
      reconnect: () => this.reconnect(),
      resumed: () => {},
    }
    Object.defineProperty(link, 'isOnline', { get: () => this.isOnline })
    const ask: Ask = async (_name, { sub }) => ({ data: this.server.get(sub as number)!.ledger })
    this.subscriptions = new Subscriptions(link as Link, {
      kind: {
        open: (...call) => new AskingSubscription(ask, ...call),
        optionsOf: (options, request) => new OptionChanges(options, request),
        gapOf: (frame, options) => openGap(frame, options, ask),
      },
      failed: () => {},
    })
  }

  open(options: SubscribeOptions, callback: EventCallback | undefined): AskingSubscription {
    // It is of the kind that was given.
    return this.subscriptions.open(TOPIC, options, callback) as AskingSubscription
  }

  reconnect(): void {
    this.isOnline = false
    this.subscriptions.offline()
    this.server.clear()
    this.#sent = []
    this.sentBytes = 0
    this.consumedBytes = 0
    this.#meter = this.#openMeter()
    this.#window = openWindow()
    this.isOnline = true
    this.subscriptions.online()
  }

  publish(partition: number, key: string): void {
    this.logs[partition]!.push(key)
  }

  /** Answers what the client has sent. */
  handle(): void {
    for (const frame of this.#sent.splice(0)) {
      if (frame.type === 'subscribe') this.#subscribe(frame)
      else if (frame.type === 'unsubscribe') {
        this.server.delete(frame.sub)
        this.#tell({ type: 'unsubscribed', sub: frame.sub, code: 'ok' })
      } else if (frame.type === 'credit') {
        for (const [sub, events] of Object.entries(frame.subs ?? {})) {
          const subscription = this.server.get(Number(sub))
          if (subscription !== undefined) subscription.isPaused = events === 0
        }
      }
    }
  }

  #subscribe({ sub, keys, snapshot, from }: SubscribeFrame): void {
    const policy = { recovered: true, onSlow: 'conflate' } as const
    if (this.server.has(sub)) return this.#tell({ type: 'subscribed', sub, positions: {}, ...policy })
    const asked = typeof from === 'object' && 'positions' in from ? (from.positions[TOPIC]?.low ?? []) : undefined
    const reached = this.logs.map((log) => log.length)
    for (const text of asked ?? []) reached[Number(text.split('@')[0])] = Number(/\/(\d+)-/.exec(text)![1])
    const snapshotDue = snapshot === true && asked === undefined
    const ledger = { matched: 0, delivered: 0, conflated: 0, sampled: 0, gapped: 0, queued: 0 }
    this.server.set(sub, { keys, reached, snapshotDue, isPaused: false, ledger })
    const positions = vectorOf(asked ?? reached.map((n, partition) => at(partition, n, WHOLE)))
    this.#tell({ type: 'subscribed', sub, positions, ...policy, ...(snapshotDue && { snapshot: true }) })
  }

  /** Sends every subscription that is not paused its snapshot, or so many events of each partition. */
  deliver(limit: number): void {
    const parts: BatchPart[] = []
    for (const [sub, subscription] of this.server) {
      if (subscription.isPaused) continue
      const part = { sub, topic: TOPIC, lane: 'low' } as const
      if (subscription.snapshotDue) {
        subscription.snapshotDue = false
        parts.push({ ...part, events: this.#latest(subscription), snapshot: 'end' })
        continue
      }
      const events = this.logs.flatMap((_, partition) => this.#next(subscription, partition, limit))
      subscription.ledger.matched += events.length
      subscription.ledger.delivered += events.length
      if (events.length > 0) parts.push({ ...part, events })
    }
    if (parts.length > 0) this.#tell({ type: 'batch', parts })
  }

  /** Withholds events of one subscription. */
  withhold(which: number, partition: number, count: number): void {
    const all = [...this.server].filter(([, { snapshotDue }]) => !snapshotDue)
    const [sub, subscription] = all[which % all.length] ?? []
    if (sub === undefined || subscription === undefined) return
    const after = at(partition, subscription.reached[partition]!)
    const events = this.#next(subscription, partition, count)
    if (events.length === 0) return
    subscription.ledger.matched += events.length
    subscription.ledger.gapped += events.length
    const range = { topic: TOPIC, lane: 'low', after, upTo: events.at(-1)!.at, count: events.length } as const
    this.#tell({ type: 'gap', sub, ...range, reason: 'overflow', fetchable: true })
  }

  /** Tells all that wait for nothing where they are. */
  progress(): void {
    for (const [sub, { reached, snapshotDue }] of this.server) {
      if (snapshotDue || reached.some((n, partition) => n < this.logs[partition]!.length)) continue
      const positions = vectorOf(reached.map((n, partition) => at(partition, n, WHOLE)))
      this.#tell({ type: 'progress', sub, positions })
    }
  }

  #latest({ keys, reached }: ServerSubscription) {
    return this.logs.flatMap((log, partition) => {
      const last = new Map<string, number>()
      log.slice(0, reached[partition]).forEach((key, i) => void last.set(key, i + 1))
      return [...last].filter(([key]) => keys?.includes(key) ?? true).map(([key, n]) => eventOf(partition, n, key))
    })
  }

  #next({ keys, reached }: ServerSubscription, partition: number, limit: number) {
    const log = this.logs[partition]!
    const events: ReturnType<typeof eventOf>[] = []
    while (reached[partition]! < log.length && events.length < limit) {
      const key = log[reached[partition]!++]!
      if (keys?.includes(key) ?? true) events.push(eventOf(partition, reached[partition]!, key))
    }
    return events
  }

  #tell(frame: ServerFrame): void {
    const events = frame.type === 'batch' ? frame.parts.reduce((sum, part) => sum + part.events.length, 0) : 0
    const bytes = EVENT_BYTES * Math.max(1, events)
    this.sentBytes += bytes
    const [counted, held] = [this.#meter, this.#window].map((meter) => meter.receipt(bytes, 1))
    const receipt = new FrameReceipt(events, bytes / events, this.#window, () => {
      counted!.done()
      held!.done()
    })
    const handle = this.subscriptions.frames[frame.type] as FrameHandlers['batch']
    handle?.(frame as never, receipt)
  }

  /** A window of nothing: everything consumed is reported. */
  #openMeter(): CreditMeter {
    const meter: CreditMeter = new CreditMeter(0, (bytes) => {
      if (meter === this.#meter) this.consumedBytes = bytes
    })
    return meter
  }
}

/** Says whether what is held back holds up the connection. */
function openWindow(): CreditMeter {
  return new CreditMeter(WINDOW_BYTES, () => {})
}

function vectorOf(low: readonly string[]): PositionVector {
  return { [TOPIC]: { low: [...low] } }
}

function eventOf(partition: number, n: number, key: string) {
  return { at: at(partition, n), id: `${partition}-${n}`, key, time: n, data: n }
}
