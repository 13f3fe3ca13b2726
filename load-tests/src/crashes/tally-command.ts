import { encodeEvent, type StoredEvent } from '../../../server/src/bus/index.ts'
import type { CommandBody } from '../../../server/src/entities/index.ts'

export interface TallyCommand {
  readonly id: string
  readonly key: string
  readonly v: number
}

/** Nobody waits for them: none may expire. */
const NEVER_MS = 24 * 60 * 60 * 1_000

/** A command as a gateway stores it. */
export function eventOf({ id, key, v }: TallyCommand): StoredEvent {
  const now = Date.now()
  const body: CommandBody = {
    node: 'crashes',
    entity: 'tally',
    command: 'count',
    input: { v },
    checksum: `${key}-${v}`,
    waitMs: NEVER_MS,
  }
  return { key, lane: 'normal', time: now, json: encodeEvent(id, key, now, undefined, JSON.stringify(body)) }
}
