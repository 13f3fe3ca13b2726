import { encodeEvent, type StoredEvent } from '../../../server/src/bus/index.ts'
import type { CommandBody } from '../../../server/src/entities/index.ts'

export type TallyCommand = { readonly id: string; readonly key: string } & (
  | { readonly entity: 'tally'; readonly v: number }
  /** Others follow from it. */
  | { readonly entity: 'order'; readonly sku: string; readonly parts: number }
)

/** Nobody waits for them: none may expire. */
const NEVER_MS = 24 * 60 * 60 * 1_000

/** A command as a gateway stores it. */
export function eventOf(sent: TallyCommand): StoredEvent {
  const now = Date.now()
  const { id, key, entity } = sent
  const what =
    entity === 'tally'
      ? { command: 'count', input: { v: sent.v } }
      : { command: 'place', input: { sku: sent.sku, parts: sent.parts } }
  const checksum = JSON.stringify([key, what])
  const body: CommandBody = { node: 'crashes', entity, ...what, checksum, waitMs: NEVER_MS }
  return { key, lane: 'normal', time: now, json: encodeEvent(id, key, now, undefined, JSON.stringify(body)) }
}

/** Another command under the same id. */
export function otherUnderTheId(sent: TallyCommand): TallyCommand {
  return sent.entity === 'tally' ? { ...sent, v: sent.v + 1 } : { ...sent, parts: sent.parts + 1 }
}
