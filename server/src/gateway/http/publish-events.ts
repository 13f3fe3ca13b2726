import type { RejectedEvent } from '@tidegate/protocol'
import type { Caller } from '../../access/index.ts'
import { type AdmitKeys, EventTraces, type Ingest, type PublishOutcome } from '../../ingest/index.ts'
import type { ClientLimits } from '../../limits/index.ts'
import type { Admission } from '../admission.ts'
import type { HttpResponse } from '../transport/transport.ts'
import { type Entry, enterRequest, type KeyedPublish, readSent, requestContent } from './keyed-request.ts'
import { type LimitedRequest, refusedReply } from './limited-request.ts'
import { errorReply, json } from './replies.ts'
import { readRequestBody } from './request-events.ts'
import type { RequestItem } from './request-item.ts'
import { requestTrace } from './request-trace.ts'
import { byTopic, inRequest, type TopicGroup } from './topic-group.ts'

export interface PublishContext {
  readonly ingest: Ingest
  readonly admission: Admission
  /** The events of one topic were answered: `ack`, or the code of the rejection. */
  readonly onFrame: (outcome: string) => void
}

/**
 * `POST /v1/events`. With an `Idempotency-Key` the same request may be sent again and is stored once; without it every
 * attempt is stored.
 */
export async function publishEvents(
  { ingest, admission, onFrame }: PublishContext,
  request: LimitedRequest,
  caller: Caller,
): Promise<HttpResponse> {
  const { limits } = request
  const sent = await readSent(admission, request)
  if (sent.kind === 'refused') return sent.answer
  const { body, idempotencyKey } = sent
  const read = readRequestBody(request.header, body)
  if (!read.ok) return errorReply(read.code, read.message)
  const { items } = read
  const groups = byTopic(items, requestTrace(request.header))
  const total = items.length
  const over = limits.events(total) ?? (idempotencyKey === undefined ? undefined : limits.producer())
  if (over !== undefined) return refusedReply(over)
  const publish = (keyed?: (group: TopicGroup) => KeyedPublish) =>
    publishGroups(ingest, groups, caller, limits, keyed).then((outcomes) => {
      for (const { outcome } of outcomes) onFrame(outcome.kind === 'ack' ? 'ack' : outcome.code)
      return outcomes
    })
  if (idempotencyKey === undefined) return summarise(await publish(), badEnvelopes(items), total)
  const entry = await enterRequest(ingest, caller, idempotencyKey, requestContent(request.header, body), groups)
  if (entry.kind === 'refused') return refusedReply(entry.outcome)
  return summarise(await publish(entry.keyed), badEnvelopes(items), total, entry)
}

const UNKEYED = { isRepeat: false, refused: [] }

type GroupOutcome = { readonly group: TopicGroup; readonly outcome: PublishOutcome }

function badEnvelopes(items: readonly RequestItem[]): RejectedEvent[] {
  return items.flatMap((item, index) => {
    if (item.kind === 'event') return []
    const { kind: _, ...refusal } = item
    return [{ index, ...refusal }]
  })
}

function publishGroups(
  ingest: Ingest,
  groups: readonly TopicGroup[],
  { rights }: Caller,
  limits: ClientLimits,
  keyed?: (group: TopicGroup) => KeyedPublish,
): Promise<GroupOutcome[]> {
  return Promise.all(
    groups.map((group) => {
      const { topic, events } = group
      const traces = EventTraces.ofEach(group.traces)
      const admit: AdmitKeys = (keys) => limits.keys(keys)
      return new Promise<GroupOutcome>((resolve) =>
        ingest.publish({ topic, events, rights, admit, traces, ...keyed?.(group) }, (outcome) =>
          resolve({ group, outcome }),
        ),
      )
    }),
  )
}

/**
 * One answer for the request: 200 with the stored and the refused events if anything was stored, or if only single
 * events failed. A group refused as a whole lists each of its events.
 *
 * @param isRepeat the request was entered before; its groups say whether all of it was stored then
 * @param refused what the code of a refused event stands for, where it is the same
 */
function summarise(
  outcomes: readonly GroupOutcome[],
  badEnvelopes: readonly RejectedEvent[],
  total: number,
  { isRepeat, refused }: Pick<Extract<Entry, { kind: 'entered' }>, 'isRepeat' | 'refused'> = UNKEYED,
): HttpResponse {
  const retry = outcomes.find(({ outcome }) => outcome.kind === 'reject' && outcome.retryAfterMs !== undefined)
  if (retry?.outcome.kind === 'reject') {
    return errorReply(retry.outcome.code, retry.outcome.message, retry.outcome.retryAfterMs)
  }
  const only = outcomes.length === 1 && badEnvelopes.length === 0 ? outcomes[0]!.outcome : undefined
  if (only?.kind === 'reject') return errorReply(only.code, only.message)
  const reasons = new Map(refused.map((one) => [`${one.index} ${one.code}`, one]))
  const rejected = [...badEnvelopes, ...outcomes.flatMap(rejectedOf)]
    .map((one) => reasons.get(`${one.index} ${one.code}`) ?? one)
    .sort((a, b) => a.index - b.index)
  return json(rejected.length === total ? 400 : 200, {
    accepted: total - rejected.length,
    rejected,
    at: outcomes.flatMap(({ outcome }) => (outcome.kind === 'ack' ? outcome.at : [])),
    duplicate: isRepeat && outcomes.every(wasThere),
  })
}

function rejectedOf({ group, outcome }: GroupOutcome): RejectedEvent[] {
  if (outcome.kind === 'ack') return inRequest(group, outcome.rejected)
  return group.indexes.map((index) => ({ index, code: outcome.code, message: outcome.message }))
}

/** Whether nothing of a group had to be stored. */
function wasThere({ outcome }: GroupOutcome): boolean {
  return outcome.kind === 'reject' || outcome.duplicate || outcome.at.length === 0
}
