import type { BatchPart, DeliveredEvent, GapFrame, Lane, ServerFrame } from '@tidegate/protocol'
import { RecordBatchBuilder } from '../../src/bus/index.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import { NO_ACCESS } from '../../src/config/access/access-model.ts'
import type { Contract, TopicDefinition } from '../../src/config/contract/model.ts'
import type { DeliverySocket } from '../../src/delivery/index.ts'
import { logOf } from '../support/bus.ts'

/** A contract of source topics (validation is not delivery's matter) and flows. */
export function contractOf(sources: readonly string[], flows: readonly string[] = []): Contract {
  const topics = new Map<string, TopicDefinition>()
  for (const name of sources) {
    topics.set(name, {
      kind: 'source',
      name,
      retentionMs: 60_000,
      maxFutureMs: 5_000,
      keyField: 'k',
      validate: (data) => ({ ok: true, data }),
      laneOf: () => 'normal',
      jsonSchema: {},
    })
  }
  for (const name of flows) {
    topics.set(name, {
      kind: 'flow',
      name,
      retentionMs: 60_000,
      from: sources[0]!,
      version: 1,
      steps: [],
      laneOf: () => 'normal',
    })
  }
  return { topics, entities: new Map(), access: NO_ACCESS, hash: '0' }
}

export interface TestEvent {
  readonly id: string
  readonly key?: string
  readonly lane?: Lane
}

/** Header and payload of one record batch holding the events as one slice. */
export function recordBatch(events: readonly TestEvent[]): { header: string; payload: Buffer } {
  const builder = new RecordBatchBuilder()
  const stored = events.map(({ id, key = 'k', lane = 'normal' }) => ({
    key,
    lane,
    time: 1,
    json: JSON.stringify({ id, key, time: 1, data: {} }),
  }))
  builder.addSlice(stored)
  return builder.build()
}

/** Appends one record batch to a log as ingest would. Returns its stream id. */
export async function appendEvents(
  redis: Redis,
  partition: number,
  topic: string,
  events: readonly TestEvent[],
): Promise<string> {
  const reply = await logOf(redis, partition, 'append').append({
    batches: [{ topic, ...recordBatch(events) }],
    slices: [{ batch: 0, lastIndex: events.length - 1, identity: undefined }],
  })
  if (reply.status !== 'ok') throw new Error(reply.status)
  return reply.slices[0]!.entry.split('.')[0]!
}

/** A socket that keeps what it is sent, and can be told how to behave. */
export class SimulatedSocket implements DeliverySocket {
  readonly frames: ServerFrame[] = []
  closed: { code: number; reason: string } | undefined
  buffered = 0
  bytes = 0
  dropping = false
  /** What it reports to be in flight stays there until the test takes it away. */
  holding = false

  send(frame: Buffer): 'sent' | 'buffered' | 'dropped' {
    if (this.dropping) return 'dropped'
    this.bytes += frame.length
    if (this.holding) this.buffered += frame.length
    this.frames.push(JSON.parse(frame.toString('utf8')) as ServerFrame)
    return this.holding ? 'buffered' : 'sent'
  }

  together(sends: () => void): void {
    sends()
  }

  bufferedBytes(): number {
    return this.buffered
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason }
  }

  /** The network recovers: nothing is held back or dropped any more. */
  release(): void {
    this.holding = false
    this.dropping = false
    this.buffered = 0
  }

  ofType<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type)
  }

  /** The resume vector of one topic that a client would hold now. */
  vector(topic: string): Partial<Record<Lane, string[]>> {
    const at: Partial<Record<Lane, Map<string, string>>> = {}
    const move = (lane: Lane, position: string) => {
      at[lane] ??= new Map()
      at[lane].set(position.split('@')[0]!, position)
    }
    for (const frame of this.frames) {
      if (frame.type === 'subscribed' || frame.type === 'progress') {
        for (const [lane, positions] of Object.entries(frame.positions[topic] ?? {})) {
          for (const position of positions) move(lane as Lane, position)
        }
      } else if (frame.type === 'gap') move(frame.lane, frame.upTo)
      else if (frame.type === 'batch') {
        for (const part of frame.parts) for (const event of part.events) move(part.lane, event.at)
      }
    }
    return Object.fromEntries(Object.entries(at).map(([lane, map]) => [lane, [...map.values()]]))
  }

  parts(): BatchPart[] {
    return this.ofType('batch').flatMap((frame) => frame.parts)
  }

  events(): DeliveredEvent[] {
    return this.parts().flatMap((part) => part.events)
  }

  ids(): string[] {
    return this.events().map((event) => event.id)
  }

  gaps(): GapFrame[] {
    return this.ofType('gap')
  }
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean, what: string, deadlineMs = 5_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
