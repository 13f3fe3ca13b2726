import { ERROR_CODES, LIMITS, type RejectedEvent } from '@tidegate/protocol'
import type { Caller } from '../../access/index.ts'
import { type Ingest, Producer, type PublishOutcome, type PublishRequest, requestProducer } from '../../ingest/index.ts'
import type { Admission } from '../admission.ts'
import type { HttpRequest, HttpResponse } from '../transport/transport.ts'
import { CLOUD_EVENT_HEADERS } from './cloud-event.ts'
import { badIdempotencyKey, isIdempotencyKey } from './idempotency-key.ts'
import { errorReply } from './replies.ts'
import { withoutTrace } from './request-trace.ts'
import { inRequest, type TopicGroup } from './topic-group.ts'

/** A key stands for one request, so its count never moves. */
const SEQ = 1
const SESSION = 1

/** The additions of an `Idempotency-Key` to the publishing of one topic's events. */
export type KeyedPublish = Pick<PublishRequest, 'producer' | 'content' | 'refusedBefore'>

export type Entry =
  | {
      readonly kind: 'entered'
      readonly isRepeat: boolean
      /** What this attempt refuses, with paths and reasons; of earlier ones codes alone are kept. */
      readonly refused: readonly RejectedEvent[]
      readonly keyed: (group: TopicGroup) => KeyedPublish
    }
  | { readonly kind: 'refused'; readonly outcome: Extract<PublishOutcome, { kind: 'reject' }> }

/** What a request has to publish, and the key under which it may be sent again. */
export type Sent =
  | { readonly kind: 'sent'; readonly body: Buffer; readonly idempotencyKey: string | undefined }
  | { readonly kind: 'refused'; readonly answer: HttpResponse }

/** Takes a request that publishes, unless the gateway is overloaded, or it is too large or has a bad key. */
export async function readSent(admission: Pick<Admission, 'publish'>, request: HttpRequest): Promise<Sent> {
  const body = await request.body()
  const refused = (answer: HttpResponse) => ({ kind: 'refused', answer }) as const
  const retryAfterMs = admission.publish()
  if (retryAfterMs !== undefined) return refused(errorReply('overloaded', ERROR_CODES.overloaded, retryAfterMs))
  if (body === undefined || body.length > LIMITS.frameBytes) {
    return refused(errorReply('frame_too_large', `The body is larger than ${LIMITS.frameBytes} bytes.`))
  }
  const idempotencyKey = request.header('idempotency-key')
  if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey)) return refused(badIdempotencyKey())
  return { kind: 'sent', body, idempotencyKey }
}

/**
 * Enters a request under its key, in the partition of the key, before anything of it is stored: another request under
 * the same key is refused there, whatever its partitions and topics. Events refused at the first attempt are refused
 * again.
 */
export async function enterRequest(
  ingest: Ingest,
  { namespace, rights }: Caller,
  key: string,
  content: string,
  groups: readonly TopicGroup[],
): Promise<Entry> {
  const refused = groups.flatMap((group) => inRequest(group, ingest.refusalsOf(group.topic, group.events, rights)))
  // The topic of this name is empty: no group has an empty topic.
  const producer = identityOf(namespace, key, '')
  const outcome = await new Promise<PublishOutcome>((resolve) => ingest.mark({ producer, content, refused }, resolve))
  if (outcome.kind === 'reject') return { kind: 'refused', outcome }
  return {
    kind: 'entered',
    isRepeat: outcome.duplicate,
    refused,
    keyed: (group) => ({
      // A separate producer per topic: slices of one seq differ by partition only.
      producer: identityOf(namespace, key, group.topic),
      content,
      refusedBefore: refusedOf(group, outcome.rejected),
    }),
  }
}

/** The content by which two requests under one key are compared: the body as it was sent, wherever its events come from. */
export function requestContent(header: HttpRequest['header'], body: Buffer): string {
  const head = ['content-type', ...CLOUD_EVENT_HEADERS].map((name) => header(name) ?? '')
  const text = body.toString('latin1')
  const isOfCloudEvents = head[0]!.toLowerCase().startsWith('application/cloudevents')
  return [...head, isOfCloudEvents ? withoutTrace(text) : text].join('\n')
}

/** An age of 0: a request does not say whether it was sent before. */
function identityOf(namespace: string, key: string, topic: string) {
  return { state: new Producer(requestProducer(namespace, key, topic), SESSION), seq: SEQ, ageMs: 0 }
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
