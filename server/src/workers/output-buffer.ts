import { type CommitOperation, MAX_BATCH_BYTES, RecordBatchBuilder, type StoredEvent } from '../bus/index.ts'

interface TopicOutput {
  readonly events: StoredEvent[]
  readonly watermark: number | undefined
  /** Results of windows also replace the latest result of their key. */
  readonly keepsLatest: boolean
}

/** What one commit appends: events of result topics, in the order they were computed. */
export class OutputBuffer {
  #topics = new Map<string, TopicOutput>()
  #writes = 0
  #size = 0

  /** Writes it comes to. */
  get writes(): number {
    return this.#writes
  }

  /** Characters of JSON it comes to. */
  get size(): number {
    return this.#size
  }

  add(topic: string, event: StoredEvent, options: { watermark?: number; keepsLatest: boolean }): void {
    let output = this.#topics.get(topic)
    if (output === undefined) {
      output = { events: [], watermark: options.watermark, keepsLatest: options.keepsLatest }
      this.#topics.set(topic, output)
    }
    output.events.push(event)
    const copies = options.keepsLatest ? 2 : 1
    this.#writes += copies
    this.#size += copies * event.json.length
  }

  /** Hands over what was collected as operations of a commit and starts anew. */
  take(): CommitOperation[] {
    const operations = [...this.#topics].flatMap(([topic, output]) => batches(topic, output))
    this.#topics = new Map()
    this.#writes = 0
    this.#size = 0
    return operations
  }
}

function batches(topic: string, { events, watermark, keepsLatest }: TopicOutput): CommitOperation[] {
  return chunksBySize(events).map((chunk) => {
    const builder = new RecordBatchBuilder()
    builder.addSlice(chunk)
    return { op: 'append', topic, ...builder.build(), watermark, latest: keepsLatest ? latestPerKey(chunk) : [] }
  })
}

function chunksBySize(events: readonly StoredEvent[]): StoredEvent[][] {
  const chunks: StoredEvent[][] = []
  let room = 0
  for (const event of events) {
    const bytes = Buffer.byteLength(event.json)
    if (bytes > room) {
      chunks.push([])
      room = MAX_BATCH_BYTES
    }
    chunks.at(-1)!.push(event)
    room -= bytes
  }
  return chunks
}

function latestPerKey(events: readonly StoredEvent[]): { index: number; key: string; json: string }[] {
  return [...new Map(events.map(({ key, json }, index) => [key, { index, key, json }])).values()]
}
