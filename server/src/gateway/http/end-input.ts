import type { EndOfInput } from '@tidegate/protocol'
import type { Caller } from '../../access/index.ts'
import type { Ingest, PublishOutcome } from '../../ingest/index.ts'
import { isRecord } from '../../json-fields.ts'
import type { Admission } from '../admission.ts'
import { isSource } from '../client-frame.ts'
import type { HttpResponse } from '../transport/transport.ts'
import { enterRequest, readSent, requestContent } from './keyed-request.ts'
import { type LimitedRequest, refusedReply } from './limited-request.ts'
import { errorReply, json } from './replies.ts'
import { parseJson, readContent } from './request-content.ts'

export const END_PATH = /^\/v1\/topics\/([^/]+)\/end$/

/** `POST /v1/topics/:topic/end`: no more events of the topic come, or of one source. The body may name that. */
export async function endInput(
  { ingest, admission }: { readonly ingest: Ingest; readonly admission: Admission },
  request: LimitedRequest,
  caller: Caller,
): Promise<HttpResponse> {
  const { header, limits } = request
  const sent = await readSent(admission, request)
  if (sent.kind === 'refused') return sent.answer
  const { body, idempotencyKey } = sent
  const content = readContent(header, body)
  if (!content.ok) return errorReply(content.code, content.message)
  const end = readEnd(content.text)
  if (end === undefined) return errorReply('invalid_frame', 'Expected no body, or { "source": "..." }.')
  const over = limits.events(1) ?? (idempotencyKey === undefined ? undefined : limits.producer())
  if (over !== undefined) return refusedReply(over)
  const topic = END_PATH.exec(request.path)![1]!
  const group = { topic, events: [], indexes: [], traces: [] }
  const entry =
    idempotencyKey === undefined
      ? undefined
      : await enterRequest(ingest, caller, idempotencyKey, `${topic}\n${requestContent(header, body)}`, [group])
  if (entry?.kind === 'refused') return refusedReply(entry.outcome)
  const outcome = await new Promise<PublishOutcome>((resolve) =>
    ingest.publish({ topic, events: [], end, rights: caller.rights, ...entry?.keyed(group) }, resolve),
  )
  if (outcome.kind === 'reject') return refusedReply(outcome)
  return json(200, { topic, at: outcome.at, duplicate: outcome.duplicate })
}

function readEnd(text: string): EndOfInput | undefined {
  const value = text === '' ? {} : parseJson(text)
  if (!isRecord(value) || Object.keys(value).some((name) => name !== 'source')) return undefined
  const { source } = value
  if (source === undefined) return {}
  return isSource(source) ? { source } : undefined
}
