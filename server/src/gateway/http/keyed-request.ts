import type { RejectedEvent } from '@tidegate/protocol'
import { type Ingest, Producer, type PublishOutcome, type PublishRequest, requestProducer } from '../../ingest/index.ts'
import type { HttpRequest } from '../transport/transport.ts'
import { CLOUD_EVENT_HEADERS } from './cloud-event.ts'
import { inRequest, type TopicGroup } from './topic-group.ts'

/** A key stands for one request: it is never counted on. */
const SEQ = 1
const SESSION = 1

/** What an `Idempotency-Key` adds to the publishing of one topic's events. */
export type KeyedPublish = Pick<PublishRequest, 'producer' | 'content' | 'refusedBefore'>

export type Entry =
  | { readonly kind: 'entered'; readonly isRepeat: boolean; readonly keyed: (group: TopicGroup) => KeyedPublish }
  | { readonly kind: 'refused'; readonly outcome: Extract<PublishOutcome, { kind: 'reject' }> }

/**
 * Enters a request under its key, in the partition of the key, before anything of it is stored: another one under the same key
 * is refused there, whatever partitions and topics it is for. What was refused when the request came first is refused again.
 */
export async function enterRequest(
  ingest: Ingest,
  key: string,
  content: string,
  groups: readonly TopicGroup[],
): Promise<Entry> {
  const refused = groups.flatMap((group) => inRequest(group, ingest.refusalsOf(group.topic, group.events)))
  // Its name has an empty topic: no group has that.
  const producer = identityOf(key, '')
  const outcome = await new Promise<PublishOutcome>((resolve) => ingest.mark({ producer, content, refused }, resolve))
  if (outcome.kind === 'reject') return { kind: 'refused', outcome }
  return {
    kind: 'entered',
    isRepeat: outcome.duplicate,
    keyed: (group) => ({
      // A producer of its own per topic: slices of one seq are told apart by partition only.
      producer: identityOf(key, group.topic),
      content,
      refusedBefore: refusedOf(group, outcome.rejected),
    }),
  }
}

/** What two requests under one key are compared by: what was sent, as it was sent. */
export function requestContent(header: HttpRequest['header'], body: Buffer): string {
  const head = ['content-type', ...CLOUD_EVENT_HEADERS].map((name) => header(name) ?? '')
  return [...head, body.toString('latin1')].join('\n')
}

/** An age of 0: a request does not say whether it was sent before. */
function identityOf(key: string, topic: string) {
  return { state: new Producer(requestProducer(key, topic), SESSION), seq: SEQ, ageMs: 0 }
}

function refusedOf(group: TopicGroup, rejected: readonly RejectedEvent[]): KeyedPublish['refusedBefore'] {
  const codes = new Map(rejected.map(({ index, code }) => [index, code]))
  return new Map(
    group.indexes.flatMap((inRequest, index) => {
      const code = codes.get(inRequest)
      return code === undefined ? [] : [[index, code] as const]
    }),
  )
}
