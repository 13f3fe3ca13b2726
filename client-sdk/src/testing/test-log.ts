import { comparePositions, type DeliveredEvent, formatPosition, type Lane, type Position } from '@tidegate/protocol'

/** An event as the log of a test server has it. */
export interface StoredEvent extends DeliveredEvent {
  readonly topic: string
  readonly lane: Lane
}

/** The same with its place. */
export interface LoggedEvent {
  readonly event: StoredEvent
  readonly position: Position
  /** Counts all events of the log, so that those of several topics can be put in order. */
  readonly number: number
}

export type NewEvent = Omit<StoredEvent, 'at' | 'topic'>

/** Stands for a whole entry: after every event of its stream id. */
const WHOLE = 999_999
export const LOG_START = '0-0'

export function wholeEntry(partition: number, epoch: string, streamId: string): Position {
  return { partition, epoch, streamId, index: WHOLE }
}

/** The events of one topic in one partition. */
export class TopicLog {
  readonly topic: string
  readonly partition: number
  epoch: string
  /** Oldest first. */
  events: LoggedEvent[] = []
  /** Stream id of the newest entry, present or not. */
  lastId = LOG_START
  /** Everything up to it is gone. */
  trimmedTo = LOG_START
  /** Where the present epoch begins. */
  seam = LOG_START

  constructor(topic: string, partition: number, epoch: string) {
    this.topic = topic
    this.partition = partition
    this.epoch = epoch
  }

  /** After everything that was ever stored. */
  get end(): Position {
    return wholeEntry(this.partition, this.epoch, this.lastId)
  }

  /** Index of the first event after a position of whatever epoch. */
  indexAfter(position: Position): number {
    let [low, high] = [0, this.events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (comparePositions(this.events[middle]!.position, position) > 0) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** What a gateway and its Redis keep, without either: a log for each topic and partition. */
export class TestLog {
  readonly partitions: number
  readonly #logs = new Map<string, TopicLog[]>()
  readonly #epochs: string[]
  #epochsSoFar = 1
  #number = 0

  constructor(partitions: number) {
    this.partitions = partitions
    this.#epochs = Array.from({ length: partitions }, () => '1')
  }

  epochOf(partition: number): string {
    return this.#epochs[partition]!
  }

  /** By partition. */
  of(topic: string): readonly TopicLog[] {
    const found = this.#logs.get(topic)
    if (found !== undefined) return found
    const logs = this.#epochs.map((epoch, partition) => new TopicLog(topic, partition, epoch))
    this.#logs.set(topic, logs)
    return logs
  }

  /** All events of a topic, or of all topics, in the order in which they were stored. */
  events(topic?: string): LoggedEvent[] {
    const logs = topic === undefined ? [...this.#logs.values()].flat() : this.of(topic)
    return logs.flatMap(({ events }) => events).sort((a, b) => a.number - b.number)
  }

  partitionOf(key: string): number {
    let hash = 0
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0
    return hash % this.partitions
  }

  /** Stores events of one partition as one entry. @returns the position of the last one */
  append(topic: string, partition: number, events: readonly NewEvent[], now: number): Position {
    const log = this.of(topic)[partition]!
    const streamId = nextId(log.lastId, now)
    log.lastId = streamId
    let position: Position = { partition, epoch: log.epoch, streamId, index: 0 }
    events.forEach((event, index) => {
      position = { partition, epoch: log.epoch, streamId, index }
      const stored = { topic, at: formatPosition(position), ...event }
      log.events.push({ event: stored, position, number: this.#number++ })
    })
    return position
  }

  /** Retention: what is stored of a topic is gone. */
  trim(topic: string): void {
    for (const log of this.of(topic)) {
      log.trimmedTo = log.lastId
      log.events = []
    }
  }

  /** A partition loses its newest events, and its log continues under another epoch. @returns what is lost */
  loseEnd(partition: number, count: number): readonly LoggedEvent[] {
    const logs = [...this.#logs.values()].map((byPartition) => byPartition[partition]!)
    const newest = logs.flatMap(({ events }) => events).sort((a, b) => b.number - a.number)
    const lost = new Set(newest.slice(0, count))
    const epoch = `${++this.#epochsSoFar}`
    this.#epochs[partition] = epoch
    for (const log of logs) {
      log.events = log.events.filter((event) => !lost.has(event))
      log.epoch = epoch
      log.seam = log.lastId
    }
    return [...lost]
  }
}

function nextId(lastId: string, now: number): string {
  const [ms, sequence] = lastId.split('-').map(Number)
  return now > ms! ? `${Math.floor(now)}-0` : `${ms}-${sequence! + 1}`
}
