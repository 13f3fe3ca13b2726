import { ERROR_CODES, LIMITS, type RejectedEvent } from '@tidegate/protocol'
import { allowsKey, type KeyScope } from '../access/index.ts'
import type { StoredEvent } from '../bus/index.ts'
import { encodeEvent } from '../bus/index.ts'
import { MAX_TIME_MS } from '../clock.ts'
import type { SourceTopic } from '../config/contract/model.ts'
import { isDeeperThan } from '../data-depth.ts'
import { exceeds } from '../exceeds.ts'
import { describeDefect, type ReportDefect } from '../observability/defects.ts'
import { otherUnit } from '../time-unit.ts'
import type { EventTraces } from './event-traces.ts'

/** An event that is not stored, with its key, which names its partition, if it has one. */
export interface RefusedEvent {
  readonly key: string | undefined
  readonly event: RejectedEvent
}

export interface ValidatedFrame {
  readonly accepted: readonly StoredEvent[]
  readonly refused: readonly RefusedEvent[]
}

/** Index -> code of events that were refused when their frame was first sent. */
export type RefusedBefore = ReadonlyMap<number, RejectedEvent['code']>

const NONE: RefusedBefore = new Map()

/** What events are checked and stamped with. */
export interface FrameContext {
  /** Time of events that have none, ms since 1970. */
  readonly now: number
  /** Keys that the sender may publish. */
  readonly scope: KeyScope
  nextId(): string
  readonly report: ReportDefect
  readonly traces?: EventTraces | undefined
}

/**
 * Checks every event of a frame against its topic. Total: whatever the client sent, each event ends in one of the
 * lists.
 */
export function validateFrame(
  topic: SourceTopic,
  events: readonly unknown[],
  context: FrameContext,
  refusedBefore: RefusedBefore = NONE,
): ValidatedFrame {
  const accepted: StoredEvent[] = []
  const refused: RefusedEvent[] = []
  /** Keys made of id and source. */
  const ids = new Set<string>()
  let defectId: string | undefined
  for (let index = 0; index < events.length; index++) {
    try {
      const before = refusedBefore.get(index)
      const outcome =
        before === undefined
          ? validateEvent(topic, events[index], index, context, ids)
          : refuse(before, ERROR_CODES[before])
      if ('code' in outcome)
        refused.push({ key: keyOf(topic, events[index], outcome.code), event: { index, ...outcome } })
      else accepted.push(outcome)
    } catch (error) {
      // Schemas and lane rules are code of the config. One report for the frame: there may be a thousand events like
      // it.
      defectId ??= context.report(`the rules of ${topic.name}`, error)
      refused.push({ key: undefined, event: { index, code: 'internal', message: describeDefect(defectId) } })
    }
  }
  return { accepted, refused }
}

/**
 * The key that a refused event would have had. An event that is only too early has the key of its validated data; for
 * others only the sent data is known.
 */
function keyOf(topic: SourceTopic, input: unknown, code: Refusal['code']): string | undefined {
  const data = asObject(asObject(input).data)
  const checked = code === 'time_in_future' ? topic.validate(data) : undefined
  const key = asObject(checked?.ok ? checked.data : data)[topic.keyField]
  return typeof key === 'string' && key !== '' ? key : undefined
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

type Refusal = Omit<RejectedEvent, 'index'>

function validateEvent(
  topic: SourceTopic,
  input: unknown,
  index: number,
  context: FrameContext,
  ids: Set<string>,
): StoredEvent | Refusal {
  if (typeof input !== 'object' || input === null) return refuse('invalid_event', 'expected an object with data')
  const { id, time = context.now, source, data } = input as Record<string, unknown>
  // Before anything that walks it recursively.
  if (isDeeperThan(data, LIMITS.dataDepth)) {
    return refuse('invalid_data', `arrays and objects nest deeper than ${LIMITS.dataDepth}`)
  }
  if (id !== undefined && !isName(id)) return refuse('invalid_event', `expected ${NAME}`, 'id')
  if (source !== undefined && !isName(source)) return refuse('invalid_event', `expected ${NAME}`, 'source')
  const unit = otherUnit(time)
  if (unit !== undefined) {
    return refuse('invalid_time', `${time} looks like ${unit}; expected milliseconds since 1970`, 'time')
  }
  if (!Number.isSafeInteger(time) || Math.abs(time as number) > MAX_TIME_MS) {
    return refuse(
      'invalid_time',
      `expected an integer of ms since 1970, at most ${MAX_TIME_MS} in either direction`,
      'time',
    )
  }
  const eventTime = time as number
  if (eventTime > context.now + topic.maxFutureMs) {
    return refuse(
      'time_in_future',
      `${eventTime - context.now} ms ahead of the server, at most ${topic.maxFutureMs}`,
      'time',
    )
  }
  const checked = topic.validate(data)
  if (!checked.ok && checked.cause !== undefined) throw checked.cause
  if (!checked.ok) return refuse('invalid_data', checked.message, checked.path)
  const key = (checked.data as Record<string, string>)[topic.keyField]!
  if (key === '' || exceeds(key, LIMITS.keyBytes)) {
    return refuse('key_too_long', `expected 1 to ${LIMITS.keyBytes} bytes`, topic.keyField)
  }
  if (!allowsKey(context.scope, key)) return refuse('forbidden', 'the caller may not publish this key', topic.keyField)
  if (!key.isWellFormed()) return refuse('invalid_data', `expected ${WELL_FORMED}`, topic.keyField)
  if (id !== undefined) {
    const identity = source === undefined ? `:${id}` : `${source.length}:${source}${id}`
    if (ids.has(identity)) return refuse('duplicate_id', `the id ${id} stands twice in this request`, 'id')
    ids.add(identity)
  }
  const dataJson = JSON.stringify(checked.data)
  const idOf = id ?? context.nextId()
  const json = encodeEvent(idOf, key, eventTime, source, dataJson)
  if (exceeds(json, LIMITS.eventBytes)) return refuse('event_too_large', `more than ${LIMITS.eventBytes} bytes`)
  const event = { key, lane: topic.laneOf(checked.data), time: eventTime, json }
  const { traces } = context
  if (traces === undefined) return event
  // Behind the check of its size: being traced refuses no event.
  const traced = encodeEvent(idOf, key, eventTime, source, dataJson, traces.json(index))
  return { ...event, json: traced, isSampled: traces.isSampled(index) }
}

const WELL_FORMED = 'text without lone surrogates'
const NAME = `1 to ${LIMITS.idBytes} bytes of ${WELL_FORMED}`

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !exceeds(value, LIMITS.idBytes) && value.isWellFormed()
}

function refuse(code: Refusal['code'], message: string, path?: string): Refusal {
  return path === undefined ? { code, message } : { code, path, message }
}
