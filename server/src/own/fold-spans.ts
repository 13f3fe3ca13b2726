import type { TraceContext } from '@tidegate/protocol'
import { COMMANDS_TOPIC, type EventBody } from '../bus/index.ts'
import type { Command } from '../entities/index.ts'
import { type Spans, Traces } from '../tracing/index.ts'

/** What was folded for traces that are recorded, until a commit has stored it. */
class Folded {
  readonly traces = new Traces()
  #topic = ''
  #since = 0
  #count = 0

  get isEmpty(): boolean {
    return this.traces.isEmpty
  }

  add(topic: string, contexts: readonly (Partial<TraceContext> | undefined)[]): void {
    for (const context of contexts) if (context !== undefined) this.traces.add(context)
    if (this.#topic === '' && !this.isEmpty) {
      this.#topic = topic
      this.#since = performance.now()
    }
    this.#count += contexts.length
  }

  recordIn(spans: Spans, partition: number, commitMs: number): void {
    spans.record(this.traces, {
      name: `fold ${this.#topic}`,
      kind: 'consumer',
      durationMs: performance.now() - this.#since,
      attributes: {
        'messaging.operation.name': 'fold',
        'messaging.operation.type': 'process',
        'messaging.destination.name': this.#topic,
        'messaging.destination.partition.id': String(partition),
        'messaging.batch.message_count': this.#count,
        'tidegate.commit.ms': Math.round(commitMs * 1_000) / 1_000,
      },
    })
  }
}

export type RecordFold = (commitMs: number) => void

/** Records the folds of a partition: one span for each trace and commit, from the first event of any trace to the answer of Redis. */
export class FoldSpans {
  readonly #spans: Spans
  readonly #partition: number
  #events = new Folded()
  #commands = new Folded()

  constructor(spans: Spans, partition: number) {
    this.#spans = spans
    this.#partition = partition
  }

  events(topic: string, events: readonly EventBody[]): void {
    this.#events.add(topic, events)
  }

  commands(commands: readonly Command[]): void {
    this.#commands.add(
      COMMANDS_TOPIC,
      commands.map(({ trace }) => trace),
    )
  }

  /** Of a commit of everything that was folded. @returns to be called once it is stored */
  takeAll(): RecordFold {
    const events = this.#events
    this.#events = new Folded()
    const recordCommands = this.takeCommands()
    return (commitMs) => {
      recordCommands(commitMs)
      this.#record(events, commitMs)
    }
  }

  /** Of a commit of what commands led to. @returns to be called once it is stored */
  takeCommands(): RecordFold {
    const commands = this.#commands
    this.#commands = new Folded()
    return (commitMs) => this.#record(commands, commitMs)
  }

  #record(folded: Folded, commitMs: number): void {
    if (!folded.isEmpty) folded.recordIn(this.#spans, this.#partition, commitMs)
  }
}
