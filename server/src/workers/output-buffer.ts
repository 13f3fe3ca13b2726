import { type CommitOperation, keys, MAX_BATCH_BYTES, RecordBatchBuilder, type StoredEvent } from '../bus/index.ts'

interface TopicOutput {
  readonly events: StoredEvent[]
  readonly watermark: number | undefined
  /** Results of windows also replace the latest result of their key. */
  readonly keepsCurrent: boolean
}

/** What one commit appends: events of result topics, in the order they were computed. */
export class OutputBuffer {
  readonly #partition: number
  #topics = new Map<string, TopicOutput>()
  /** Events collected. */
  count = 0
  /** Characters of their JSON. */
  size = 0

  constructor(partition: number) {
    this.#partition = partition
  }

  add(topic: string, event: StoredEvent, options: { watermark?: number; keepsCurrent: boolean }): void {
    let output = this.#topics.get(topic)
    if (output === undefined) {
      output = { events: [], watermark: options.watermark, keepsCurrent: options.keepsCurrent }
      this.#topics.set(topic, output)
    }
    output.events.push(event)
    this.count++
    this.size += event.json.length
  }

  /** Hands over what was collected as operations of a commit and starts anew. */
  take(): CommitOperation[] {
    const operations = [...this.#topics].flatMap(([topic, output]) => this.#batches(topic, output))
    this.#topics = new Map()
    this.count = 0
    this.size = 0
    return operations
  }

  #batches(topic: string, { events, watermark, keepsCurrent }: TopicOutput): CommitOperation[] {
    return chunksBySize(events).map((chunk) => {
      const builder = new RecordBatchBuilder()
      builder.addSlice(chunk)
      const current = keepsCurrent
        ? { key: keys.current(this.#partition, topic), latest: latestPerKey(chunk) }
        : undefined
      return { op: 'append', key: keys.log(this.#partition, topic), ...builder.build(), watermark, current }
    })
  }
}

function chunksBySize(events: readonly StoredEvent[]): StoredEvent[][] {
  const chunks: StoredEvent[][] = []
  let room = 0
  for (const event of events) {
    if (event.json.length > room) {
      chunks.push([])
      room = MAX_BATCH_BYTES
    }
    chunks.at(-1)!.push(event)
    room -= event.json.length
  }
  return chunks
}

function latestPerKey(events: readonly StoredEvent[]): { index: number; field: string; json: string }[] {
  const latest = new Map(events.map(({ key, json }, index) => [key, { index, field: key, json }]))
  return [...latest.values()]
}
