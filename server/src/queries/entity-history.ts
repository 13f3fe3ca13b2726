import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { chosenId, presentData, type Sender, shownEvent, type TrailCause } from '../entities/index.ts'
import { MAX_ANSWER_BYTES } from './answer-size.ts'
import type { EntityCode, VersionedEntry } from './entity-code.ts'

/** Events that are read at a time: an answer may be full with four of them. */
const PAGE = 64
/** An answer ends behind an event that fails after this time: one that does not return takes 0.1 s. */
const ENOUGH_MS = 300

/** One line of an entity's audit log. */
export interface HistoryEvent {
  /** Of the entity with this event. */
  readonly version: number
  readonly type: string
  /** ms since 1970. */
  readonly time: number
  /** The command that it follows from. */
  readonly commandId: string
  /** The event that the command follows from; absent where a client sent it, and where the entity has a `view`. */
  readonly cause?: TrailCause
  /** Who sent the command; absent where nobody was asked, and where the entity has a `view`. */
  readonly by?: Sender
  /** Version of the definition that decided it. */
  readonly definition: number
  /** What the entity shows of them: see `shownEvent`. */
  readonly data?: unknown
  /** Instead of data: that code of the application failed on them, and under which id the log has the cause. */
  readonly failed?: string
}

/** An event as its trail holds it. */
export interface StoredEntry extends VersionedEntry {
  /** Of its JSON, as it is stored. */
  readonly bytes: number
}

/**
 * Events of `(after, upTo]` as they are shown, until an answer is full.
 *
 * @param read events of `(after, upTo]` @throws what `read` and `code` throw
 */
export async function shownHistory(
  definition: EntityDefinition,
  code: EntityCode,
  key: string,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  read: (after: number, upTo: number) => Promise<readonly StoredEntry[]>,
): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  const failed = (event: VersionedEntry, failed: string) => ({ ...lineOf(definition, event), failed })
  const startedAt = performance.now()
  let bytes = 0
  for (let from = after; from < upTo; from += PAGE) {
    const page = await read(from, Math.min(upTo, from + PAGE))
    let place = 0
    for await (const lines of code.show(key, page, (event) => historyEvent(definition, event), failed)) {
      for (const line of lines) {
        // What is shown may be larger than what is stored.
        bytes += Math.max(page[place++]!.bytes, Buffer.byteLength(line))
        // A single larger event still has to be returned.
        if (events.length > 0 && bytes > MAX_ANSWER_BYTES) return events
        const event = JSON.parse(line) as HistoryEvent
        events.push(event)
        if (event.failed !== undefined && performance.now() - startedAt > ENOUGH_MS) return events
      }
    }
  }
  return events
}

function historyEvent(definition: EntityDefinition, event: VersionedEntry): HistoryEvent {
  const { entry } = event
  // The trail is shown as it is stored; `public` knows only the present version.
  const data = definition.publicOf === undefined ? entry.data : presentData(definition, entry)
  return { ...lineOf(definition, event), ...shownEvent(definition, entry.type, data) }
}

/** What is known of an event without code of the application. */
function lineOf({ view }: EntityDefinition, { version, entry }: VersionedEntry): HistoryEvent {
  const { type, time, commandId, definition, cause, by } = entry
  const origin = { ...(cause !== undefined && { cause }), ...(by !== undefined && { by }) }
  return { version, type, time, commandId: chosenId(commandId), definition, ...(view === undefined && origin) }
}
