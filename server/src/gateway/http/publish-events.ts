import { ERROR_CODES, LIMITS, type RejectedEvent } from '@tidegate/protocol'
import { type Ingest, Producer, type PublishOutcome } from '../../ingest/index.ts'
import type { Admission } from '../admission.ts'
import type { HttpRequest, HttpResponse } from '../transport/transport.ts'
import { errorReply, json } from './replies.ts'
import { readRequestBody } from './request-events.ts'
import type { RequestItem } from './request-item.ts'

const IDEMPOTENCY_KEY = new RegExp(`^[\\w.:-]{1,${LIMITS.producerChars}}$`)

/**
 * `POST /v1/events`. With an `Idempotency-Key` the same request may be sent again and is stored once; without it every
 * attempt is stored.
 */
export async function publishEvents(
  { ingest, admission }: { readonly ingest: Ingest; readonly admission: Admission },
  request: HttpRequest,
): Promise<HttpResponse> {
  const body = await request.body()
  const retryAfterMs = admission.publish()
  if (retryAfterMs !== undefined) return errorReply('overloaded', ERROR_CODES.overloaded, retryAfterMs)
  if (body === undefined || body.length > LIMITS.frameBytes) {
    return errorReply('frame_too_large', `The body is larger than ${LIMITS.frameBytes} bytes.`)
  }
  const idempotencyKey = request.header('idempotency-key')
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
    return errorReply('invalid_frame', `Idempotency-Key: expected 1 to ${LIMITS.producerChars} of A-Z a-z 0-9 _ . : -`)
  }
  const read = readRequestBody(request.header, body)
  if (!read.ok) return errorReply(read.code, read.message)
  const groups = byTopic(read.items)
  const outcomes = await Promise.all(groups.map((group) => publishGroup(ingest, group, idempotencyKey)))
  return summarise(outcomes, badEnvelopes(read.items), read.items.length)
}

/** The events of one topic, with their places in the request. */
interface TopicGroup {
  readonly topic: string
  readonly indexes: number[]
  readonly events: unknown[]
}

type GroupOutcome = { readonly group: TopicGroup; readonly outcome: PublishOutcome }

function badEnvelopes(items: readonly RequestItem[]): RejectedEvent[] {
  return items.flatMap((item, index) => {
    if (item.kind === 'event') return []
    const { kind: _, ...refusal } = item
    return [{ index, ...refusal }]
  })
}

function byTopic(items: readonly RequestItem[]): TopicGroup[] {
  const groups = new Map<string, TopicGroup>()
  items.forEach((item, index) => {
    if (item.kind === 'refused') return
    const { topic, event } = item
    const group = groups.get(topic) ?? { topic, indexes: [], events: [] }
    groups.set(topic, group)
    group.indexes.push(index)
    group.events.push(event)
  })
  return [...groups.values()]
}

function publishGroup(ingest: Ingest, group: TopicGroup, idempotencyKey: string | undefined): Promise<GroupOutcome> {
  const { topic, events } = group
  // A producer of its own per topic: slices of one seq are told apart by partition only.
  const producer = idempotencyKey && {
    producer: { state: new Producer(`http:${idempotencyKey}:${topic}`, 1), seq: 1, ageMs: 0 },
  }
  return new Promise((resolve) => {
    ingest.publish({ topic, events, ...producer }, (outcome) => resolve({ group, outcome }))
  })
}

/**
 * One answer for the request: 200 with what was stored and what was not, as long as something was stored or nothing
 * failed but the events themselves. A group refused as a whole lists each of its events.
 */
function summarise(
  outcomes: readonly GroupOutcome[],
  badEnvelopes: readonly RejectedEvent[],
  total: number,
): HttpResponse {
  const retry = outcomes.find(({ outcome }) => outcome.kind === 'reject' && outcome.retryAfterMs !== undefined)
  if (retry?.outcome.kind === 'reject') {
    return errorReply(retry.outcome.code, retry.outcome.message, retry.outcome.retryAfterMs)
  }
  const only = outcomes.length === 1 && badEnvelopes.length === 0 ? outcomes[0]!.outcome : undefined
  if (only?.kind === 'reject') return errorReply(only.code, only.message)
  const rejected = [...badEnvelopes, ...outcomes.flatMap(rejectedOf)].sort((a, b) => a.index - b.index)
  return json(rejected.length === total ? 400 : 200, {
    accepted: total - rejected.length,
    rejected,
    at: outcomes.flatMap(({ outcome }) => (outcome.kind === 'ack' ? outcome.at : [])),
    duplicate: outcomes.length > 0 && outcomes.every(({ outcome }) => outcome.kind === 'ack' && outcome.duplicate),
  })
}

function rejectedOf({ group, outcome }: GroupOutcome): RejectedEvent[] {
  if (outcome.kind === 'ack') return outcome.rejected.map((event) => ({ ...event, index: group.indexes[event.index]! }))
  return group.indexes.map((index) => ({ index, code: outcome.code, message: outcome.message }))
}
