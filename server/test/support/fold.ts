import { z } from 'zod'
import {
  type CommitOperation,
  decodeEvents,
  type EventBody,
  type LogEntry,
  RecordBatchBuilder,
} from '../../src/bus/index.ts'
import type { Pane } from '../../src/config/contract/model.ts'
import type { InputBatch } from '../../src/fold/input-batch.ts'
import { decodeProgress } from '../../src/fold/progress.ts'
import { topic } from '../../src/index.ts'
import type { LoadedState } from '../../src/own/partition-store.ts'

/** Sources for tests of workers. `v` is a multiple of 1/64 where sums are compared. */
export const reading = topic('a.reading', { schema: z.object({ k: z.string(), v: z.number() }), key: 'k' })
export const other = topic('a.other', { schema: z.object({ k: z.string(), v: z.number() }), key: 'k' })

export const allFour = { sum: { sum: 'v' }, min: { min: 'v' }, max: { max: 'v' }, count: 'count' } as const

export const eventOf = (id: string | number, key: string, time: number, v = 1): EventBody => ({
  id: `${id}`,
  key,
  time,
  data: { k: key, v },
})

/** What a commit stores. */
export interface StoredWork {
  readonly operations: readonly CommitOperation[]
  readonly offsets: ReadonlyMap<string, string>
  readonly progress: unknown
}

let lastId = 0
export function batchOf(topicName: string, ...events: readonly EventBody[]): InputBatch {
  return { topic: topicName, streamId: `${++lastId}-0`, events, ends: [] }
}

/** A batch that ends the input of a topic, or of a source of it, behind some events. */
export function endOf(topicName: string, source?: string, ...events: readonly EventBody[]): InputBatch {
  return { ...batchOf(topicName, ...events), ends: [{ after: events.length, ...(source !== undefined && { source }) }] }
}

/** A record batch as the append script stores it. */
export function recordBatch(events: readonly EventBody[]): { header: string; payload: Buffer } {
  const builder = new RecordBatchBuilder()
  builder.addSlice(
    events.map((event) => ({ key: event.key, lane: 'normal', time: event.time, json: JSON.stringify(event) })),
  )
  return builder.build()
}

/** Events that the operations append to a topic. */
export function appended(operations: readonly CommitOperation[], topicName: string): EventBody[] {
  return operations.flatMap((operation) =>
    operation.op === 'append' && operation.topic === topicName ? decodeEvents(operation.payload) : [],
  )
}

export const panesIn = (operations: readonly CommitOperation[], window: string): Pane[] =>
  appended(operations, window).map((event) => event.data as Pane)

/** Writes a commit comes to, as the limit counts them. */
export function writesOf(operations: readonly CommitOperation[]): number {
  return operations.reduce((sum, operation) => sum + writesOfOne(operation), 0)
}

function writesOfOne(operation: CommitOperation): number {
  switch (operation.op) {
    case 'append':
      return decodeEvents(operation.payload).length + operation.latest.length + (operation.places?.entries.length ?? 0)
    case 'set':
    case 'delete':
      return operation.fields.length
    case 'push':
      return operation.items.length
    case 'index':
      return operation.add.length + operation.remove.length
    case 'drop':
    case 'rename':
      return 1
  }
}

/** What a partition stores of windows and entities, kept in memory: applies operations as the commit script does. */
export class FakeStore {
  readonly #hashes = new Map<string, Map<string, string>>()
  readonly #lists = new Map<string, string[]>()
  #offsets: [string, string][] = []
  #progress = ''
  readonly logs = new Map<string, LogEntry[]>()
  #id = 0

  commit(fold: {
    takeOperations(): CommitOperation[]
    offsets: Map<string, string>
    progress(): unknown
  }): CommitOperation[] {
    const operations = fold.takeOperations()
    this.store({ operations, offsets: fold.offsets, progress: fold.progress() })
    return operations
  }

  store({ operations, offsets, progress }: StoredWork): void {
    for (const operation of operations) this.#apply(operation)
    this.#offsets = [...offsets]
    this.#progress = JSON.stringify(progress)
  }

  field(hash: string, field: string): string | undefined {
    return this.#hashes.get(hash)?.get(field)
  }

  list(name: string): readonly string[] {
    return this.#lists.get(name) ?? []
  }

  load(): LoadedState {
    return {
      log: { epoch: 'e', lineage: 'l' },
      commitSeq: 0,
      offsetsText: '',
      offsets: new Map(this.#offsets),
      progress: decodeProgress(this.#progress),
      stored: new Map([...this.#hashes].map(([key, hash]) => [key, [...hash]])),
    }
  }

  /** Fields stored in all hashes. */
  get size(): number {
    return [...this.#hashes.values()].reduce((sum, hash) => sum + hash.size, 0)
  }

  #apply(operation: CommitOperation): void {
    if (operation.op === 'append') {
      const { topic: name, header, payload, watermark } = operation
      const log = this.logs.get(name) ?? []
      log.push({ topic: name, streamId: `${++this.#id}-0`, epoch: 'e', header, payload, refused: undefined, watermark })
      this.logs.set(name, log)
      return
    }
    if (operation.op === 'drop') {
      this.#hashes.delete(operation.hash)
      return
    }
    if (operation.op === 'push') {
      const list = this.list(operation.list)
      if (list.length !== operation.base) throw new Error(`${operation.list} has ${list.length} items`)
      this.#lists.set(operation.list, [...list, ...operation.items])
      return
    }
    if (operation.op !== 'set' && operation.op !== 'delete') throw new Error(`a window does not ${operation.op}`)
    const hash = this.#hashes.get(operation.hash) ?? new Map<string, string>()
    this.#hashes.set(operation.hash, hash)
    if (operation.op === 'set') for (const [field, value] of operation.fields) hash.set(field, value)
    else for (const field of operation.fields) hash.delete(field)
  }
}
