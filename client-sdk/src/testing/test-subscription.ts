import {
  type BatchPart,
  type ClientFrame,
  LANES,
  type Lane,
  type Position,
  type PositionVector,
  parsePosition,
  type ResumeFrom,
  type ServerFrame,
} from '@tidegate/protocol'
import { Feed } from './feed.ts'
import { LOG_START, type LoggedEvent, type StoredEvent, type TestLog, type TopicLog, wholeEntry } from './test-log.ts'
import type { TestTopic } from './test-topics.ts'

export type SubscribeFrame = Extract<ClientFrame, { type: 'subscribe' }>

/** Decides whether an event matches a filter. */
export type Filter = (event: StoredEvent) => boolean

/** A subscription as the server has it. */
export class TestSubscription {
  readonly sub: number
  readonly selector: string
  readonly topics: readonly TestTopic[]
  frame: SubscribeFrame
  feeds: readonly Feed[] = []
  /** Parts of the snapshot that are not sent yet. */
  snapshot: BatchPart[] = []
  delivered = 0
  gapped = 0
  readonly #log: TestLog
  #filter: Filter | undefined

  constructor(frame: SubscribeFrame, topics: readonly TestTopic[], log: TestLog, filter: Filter | undefined) {
    this.sub = frame.sub
    this.selector = frame.topic
    this.frame = frame
    this.topics = topics
    this.#log = log
    this.#filter = filter
  }

  /** Opens it where the client asked. @returns the answer */
  start(): ServerFrame {
    const { from = 'now', snapshot = false } = this.frame
    this.feeds = this.#logs().flatMap((log) =>
      this.#lanes.map((lane) => this.#feed(log, lane, startOf(log, lane, from))),
    )
    const recovered = this.feeds.every(({ isWhole }) => isWhole)
    const showsAll = snapshot && (typeof from === 'string' || !recovered)
    if (showsAll) {
      this.feeds = this.#logs().flatMap((log) => this.#lanes.map((lane) => this.#feed(log, lane, log.end)))
      this.snapshot = this.#latest()
    }
    return { ...this.#granted(this.feeds), recovered, ...(showsAll && { snapshot: true as const }) }
  }

  /** Takes other options from here on. @returns the answer */
  change(frame: SubscribeFrame, filter: Filter | undefined): ServerFrame {
    this.frame = { ...frame, ...(this.frame.from !== undefined && { from: this.frame.from }) }
    this.#filter = filter
    const before = this.feeds
    const isOpen = (log: TopicLog, lane: Lane) => before.find((feed) => feed.log === log && feed.lane === lane)
    this.feeds = this.#logs().flatMap((log) =>
      this.#lanes.map((lane) => isOpen(log, lane) ?? this.#feed(log, lane, log.end)),
    )
    const added = this.feeds.filter((feed) => !before.includes(feed))
    return { ...this.#granted(added), recovered: true }
  }

  get queued(): number {
    return this.feeds.reduce((sum, feed) => sum + feed.waiting().length, 0)
  }

  get #lanes(): readonly Lane[] {
    return LANES.filter((lane) => this.frame.lanes?.includes(lane) ?? true)
  }

  #logs(): TopicLog[] {
    return this.topics.flatMap(({ name }) => this.#log.of(name))
  }

  #feed(log: TopicLog, lane: Lane, start: Position): Feed {
    return new Feed(log, lane, start, (logged) => this.#matches(logged, lane))
  }

  #matches({ event }: LoggedEvent, lane: Lane): boolean {
    const isKey = this.frame.keys?.includes(event.key) ?? true
    return event.lane === lane && isKey && (this.#filter?.(event) ?? true)
  }

  #granted(feeds: readonly Feed[]) {
    const { sub, onSlow } = this.frame
    // A server may allow only some policies.
    const granted = onSlow === 'disconnect' ? onSlow : 'drop-oldest'
    return { type: 'subscribed', sub, positions: vectorOf(feeds), onSlow: granted } as const
  }

  #latest(): BatchPart[] {
    const parts = this.topics.flatMap(({ name }) => {
      const latest = new Map<string, LoggedEvent>()
      for (const logged of this.#log.events(name)) latest.set(logged.event.key, logged)
      return this.#lanes.map((lane) => ({
        ...{ sub: this.sub, topic: name, lane, snapshot: 'more' as const },
        events: [...latest.values()].filter((logged) => this.#matches(logged, lane)).map(({ event }) => shown(event)),
      }))
    })
    const full = parts.filter(({ events }) => events.length > 0)
    const [last = { ...parts[0]!, events: [] }] = full.splice(-1)
    return [...full, { ...last, snapshot: 'end' }]
  }
}

/** An event as a part has it. */
export function shown({ topic: _, lane: __, ...event }: StoredEvent) {
  return event
}

/** A vector with one position for each partition. */
export function vectorOf(feeds: readonly Pick<Feed, 'log' | 'lane' | 'position'>[]): PositionVector {
  const vector: Record<string, Partial<Record<Lane, string[]>>> = {}
  for (const { log, lane, position } of feeds) {
    const lanes = vector[log.topic] ?? {}
    lanes[lane] = [...(lanes[lane] ?? []), position]
    vector[log.topic] = lanes
  }
  return vector
}

function startOf(log: TopicLog, lane: Lane, from: ResumeFrom): Position {
  if (from === 'now' || from === 'latest') return log.end
  const { partition, epoch, topic } = log
  if (from === 'earliest') return wholeEntry(partition, epoch, log.trimmedTo)
  if ('time' in from) {
    const first = log.events.find(({ position }) => Number(position.streamId.split('-')[0]) >= from.time)
    const before = log.events[log.events.indexOf(first!) - 1]
    if (first === undefined) return log.end
    return before?.position ?? wholeEntry(partition, epoch, log.trimmedTo)
  }
  const lanes = from.positions[topic]
  if (lanes === undefined && from.absent === 'now') return log.end
  const known = (lanes?.[lane] ?? []).map(parsePosition).find((position) => position?.partition === partition)
  return known ?? wholeEntry(partition, epoch, LOG_START)
}
