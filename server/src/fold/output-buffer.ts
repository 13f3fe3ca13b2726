import { type CommitOperation, type LatestResult, RecordBatchBuilder, type StoredEvent } from '../bus/index.ts'

interface Output {
  readonly event: StoredEvent
  /** It also replaces the latest result of its key. */
  readonly isLatest: boolean
}

interface TopicOutput {
  readonly events: Output[]
  readonly watermark: number | undefined
}

/** The appends of one commit: events of result topics, in the order they were computed. */
export class OutputBuffer {
  #topics = new Map<string, TopicOutput>()
  #writes = 0
  #size = 0

  /** Number of writes. */
  get writes(): number {
    return this.#writes
  }

  /** Characters of JSON. */
  get size(): number {
    return this.#size
  }

  add(topic: string, event: StoredEvent, options: { watermark?: number; isLatest: boolean }): void {
    let output = this.#topics.get(topic)
    if (output === undefined) {
      output = { events: [], watermark: options.watermark }
      this.#topics.set(topic, output)
    }
    output.events.push({ event, isLatest: options.isLatest })
    this.#writes += options.isLatest ? 2 : 1
    this.#size += event.json.length
  }

  /** Returns the collected events as operations of a commit and starts anew. */
  take(): CommitOperation[] {
    const operations = [...this.#topics].flatMap(([topic, output]) => batches(topic, output))
    this.#topics = new Map()
    this.#writes = 0
    this.#size = 0
    return operations
  }
}

function batches(topic: string, { events, watermark }: TopicOutput): CommitOperation[] {
  return RecordBatchBuilder.split(events).map((chunk) => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(chunk.map(({ event }) => event))
    return {
      op: 'append',
      topic,
      ...builder.build(),
      watermark,
      latest: latestPerKey(chunk, builder.bytes),
    }
  })
}

/** For each key the result of the latest time; among several of that time, the last revision. */
function latestPerKey(events: readonly Output[], lengths: readonly number[]): LatestResult[] {
  const latest = new Map<string, LatestResult>()
  let from = 0
  for (const [index, { event, isLatest }] of events.entries()) {
    const { key, time } = event
    const bytes = lengths[index]!
    const known = latest.get(key)
    if (isLatest && (known === undefined || events[known.index]!.event.time <= time)) {
      latest.set(key, { key, index, from, bytes })
    }
    from += bytes + 1
  }
  return [...latest.values()]
}
