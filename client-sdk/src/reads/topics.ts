import { ABORTABLE, type Abortable } from '../application/abort-signal.ts'
import { expectOptions } from '../application/arguments.ts'
import { type Asks, pageOf } from './read.ts'

/** What a topic is, as far as this client may know. */
export interface TopicInfo<Name extends string = string> {
  readonly name: Name
  readonly kind: 'source' | 'flow' | 'window' | 'late' | 'state' | 'events' | 'presence'
  readonly retentionMs: number
  /** Of results: what they are computed from. */
  readonly from?: readonly Name[]
  /** Of what becomes of entities: which. */
  readonly entity?: string
  /** Of who is there: of which topic. */
  readonly of?: Name
  /** Of a source: the field with the key. */
  readonly key?: string
  /** Of a source: JSON Schema of its data. */
  readonly schema?: unknown
  /** Of a window: its spec. */
  readonly window?: Readonly<Record<string, unknown>>
  /** Of a window: JSON Schema of the `value` of a pane. */
  readonly valueSchema?: unknown
}

/** @throws TidegateError as `query` does; the reason of the signal */
export async function readTopics(client: Asks, options: Abortable = {}): Promise<TopicInfo[]> {
  expectOptions('topics', ABORTABLE, options)
  return (await topicsOf(client, options)).topics
}

/** How many partitions there are. */
export async function partitionsOf(client: Asks, options: Abortable): Promise<number> {
  return (await topicsOf(client, options)).partitions
}

async function topicsOf(client: Asks, options: Abortable) {
  const { data } = await pageOf(client, 'topics', {}, options)
  return data as { readonly partitions: number; readonly topics: TopicInfo[] }
}
