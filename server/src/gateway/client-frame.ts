import {
  type ClientFrame,
  ERROR_CODES,
  type ErrorCode,
  isLane,
  isReservedId,
  isTopicSelector,
  LIMITS,
  NEW_SEQUENCE,
  ON_SLOW,
  parseLogEpoch,
  parsePosition,
  RESERVED_IDS,
} from '@tidegate/protocol'
import { isDeeperThan } from '../data-depth.ts'
import { parseVersion } from '../entities/index.ts'
import { exceeds } from '../exceeds.ts'
import { isRecord } from '../json-fields.ts'
import type { Refusal } from '../limits/index.ts'

export type CheckedFrame =
  | { readonly ok: true; readonly frame: ClientFrame }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly answers: Answered
      readonly retryAfterMs?: number | undefined
    }

export type RefusedFrame = Extract<CheckedFrame, { ok: false }>

/** What an error answers. */
type Answered =
  | { readonly kind: 'publish'; readonly seq: number }
  | { readonly kind: 'command'; readonly id: string }
  /** A subscription or a query, or a frame that names neither. */
  | { readonly kind: 'request'; readonly names: { readonly sub?: number; readonly id?: number } }
  /** The connection itself is at fault and closes. */
  | { readonly kind: 'connection' }

const CONNECTION: Answered = { kind: 'connection' }

type Fields = Readonly<Record<string, unknown>>
/** Describes what is wrong with a field, or nothing. */
type Check = (fields: Fields) => string | undefined

/** Largest counter that survives Lua's number formatting exactly. */
const MAX_COUNTER = 99_999_999_999_999

/** Lone surrogates have no UTF-8 form: written out, different names would become the same. */
const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed()

/** An event has no longer one. */
const isKey = (value: unknown): value is string => isText(value) && !exceeds(value, LIMITS.keyBytes)

/** What events name as their source, or an end of input. */
export const isSource = (value: unknown): value is string =>
  isText(value) && value !== '' && !exceeds(value, LIMITS.idBytes)

const isName = (value: unknown, maxChars: number): boolean => isText(value) && value !== '' && value.length <= maxChars

const isCounter = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNTER

const counter =
  (name: string): Check =>
  (fields) =>
    isCounter(fields[name]) ? undefined : `${name}: expected a whole number from 0`

const text =
  (name: string, maxChars: number): Check =>
  (fields) => {
    return isName(fields[name], maxChars)
      ? undefined
      : `${name}: expected a string of 1 to ${maxChars} characters without lone surrogates`
  }

const optional =
  (name: string, check: Check): Check =>
  (fields) =>
    fields[name] === undefined ? undefined : check(fields)

const list =
  (name: string, maxItems: number, expected: string, item: (value: unknown) => boolean): Check =>
  (fields) => {
    const value = fields[name]
    return Array.isArray(value) && value.length <= maxItems && value.every(item)
      ? undefined
      : `${name}: expected at most ${maxItems} ${expected}`
  }

function isAckedPosition(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { topic, at } = value
  return isName(topic, LIMITS.topicChars) && typeof at === 'string' && parsePosition(at) !== undefined
}

const isCommandId = (value: unknown): value is string =>
  isText(value) && value !== '' && !exceeds(value, LIMITS.idBytes) && !isReservedId(value)

/** A name of any length and content: whether there is one like it is another question. */
const anyText =
  (name: string): Check =>
  (fields) =>
    isText(fields[name]) ? undefined : `${name}: expected a string without lone surrogates`

const SEQUENCE = new RegExp(`^(${NEW_SEQUENCE}|\\d{1,15})$`)

function isRejected(value: unknown): boolean {
  const { index, code } = (value ?? {}) as Fields
  return isCounter(index) && typeof code === 'string' && Object.hasOwn(ERROR_CODES, code)
}

const CHECKS: Readonly<Record<ClientFrame['type'], readonly Check[]>> = {
  hello: [
    counter('protocol'),
    text('client', 128),
    optional('token', text('token', LIMITS.tokenChars)),
    optional('producer', text('producer', LIMITS.producerChars)),
    optional('session', counter('session')),
    optional('sequence', ({ sequence }) =>
      typeof sequence === 'string' && SEQUENCE.test(sequence)
        ? undefined
        : 'sequence: expected "new" or what `welcome` said',
    ),
    optional('returning', ({ returning }) =>
      typeof returning === 'boolean' ? undefined : 'returning: expected a boolean',
    ),
    optional(
      'epochs',
      list(
        'epochs',
        LIMITS.epochs,
        'of partition@epoch',
        (at) => typeof at === 'string' && parseLogEpoch(at) !== undefined,
      ),
    ),
    optional(
      'acked',
      list('acked', LIMITS.epochs, `of { topic, at }, topics of 1 to ${LIMITS.topicChars} characters`, isAckedPosition),
    ),
    optional('windowBytes', counter('windowBytes')),
  ],
  publish: [
    counter('seq'),
    text('topic', LIMITS.topicChars),
    (fields) => (Array.isArray(fields.events) ? undefined : 'events: expected an array'),
    optional('ageMs', counter('ageMs')),
    optional('rejected', list('rejected', LIMITS.frameEvents, 'of { index, code }', isRejected)),
    optional('end', ({ end }) => checkEnd(end)),
  ],
  subscribe: [
    counter('sub'),
    (fields) =>
      typeof fields.topic === 'string' && isTopicSelector(fields.topic)
        ? undefined
        : 'topic: expected a topic name or a selector ending in .* or .>',
    optional(
      'keys',
      list(
        'keys',
        LIMITS.subscriptionKeys,
        `strings of at most ${LIMITS.keyBytes} bytes without lone surrogates`,
        isKey,
      ),
    ),
    optional('where', (fields) => (typeof fields.where === 'string' ? undefined : 'where: expected a filter')),
    optional('lanes', list('lanes', 3, 'lanes', isLane)),
    optional('batch', (fields) => checkBatch(fields.batch)),
    optional('onSlow', (fields) =>
      ON_SLOW.some((policy) => policy === fields.onSlow) ? undefined : `onSlow: expected one of ${ON_SLOW.join(', ')}`,
    ),
    optional('maxRate', ({ maxRate }) =>
      typeof maxRate === 'number' && maxRate >= LIMITS.minRate && maxRate <= LIMITS.maxRate
        ? undefined
        : `maxRate: expected ${LIMITS.minRate} to ${LIMITS.maxRate} events per second`,
    ),
    optional('from', (fields) => checkFrom(fields.from)),
    optional('snapshot', ({ snapshot }) =>
      typeof snapshot === 'boolean' ? undefined : 'snapshot: expected a boolean',
    ),
    optional('state', ({ state }) =>
      !isDeeperThan(state, LIMITS.dataDepth) && !exceeds(JSON.stringify(state), LIMITS.stateBytes)
        ? undefined
        : `state: expected JSON of at most ${LIMITS.stateBytes} bytes, at most ${LIMITS.dataDepth} levels deep`,
    ),
  ],
  unsubscribe: [counter('sub')],
  credit: [counter('bytes'), optional('subs', ({ subs }) => checkPauses(subs))],
  token: [text('token', LIMITS.tokenChars)],
  pong: [counter('time')],
  query: [
    counter('id'),
    text('name', 64),
    optional('params', (fields) => (isRecord(fields.params) ? undefined : 'params: expected an object')),
  ],
  command: [
    ({ id }) =>
      isCommandId(id)
        ? undefined
        : `id: expected 1 to ${LIMITS.idBytes} bytes without lone surrogates that do not begin with ${Object.values(RESERVED_IDS).join(' or ')}`,
    anyText('entity'),
    anyText('key'),
    anyText('command'),
    optional('expectedVersion', ({ expectedVersion }) =>
      parseVersion(expectedVersion) === undefined
        ? 'expectedVersion: expected a whole number from 0, or "version@epoch"'
        : undefined,
    ),
    optional('epoch', ({ epoch }) =>
      typeof epoch === 'string' && parseLogEpoch(`0@${epoch}`) !== undefined ? undefined : 'epoch: expected an epoch',
    ),
    optional('after', ({ after }) => (isCommandId(after) ? undefined : 'after: expected the id of a command')),
    optional('deadlineMs', ({ deadlineMs }) =>
      isCounter(deadlineMs) && deadlineMs >= LIMITS.minDeadlineMs && deadlineMs <= LIMITS.maxDeadlineMs
        ? undefined
        : `deadlineMs: expected ${LIMITS.minDeadlineMs} to ${LIMITS.maxDeadlineMs}`,
    ),
    optional('ageMs', counter('ageMs')),
  ],
}

/** Parses one text frame and checks it. Total: never throws. */
export function parseClientFrame(source: string): CheckedFrame {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    return { ok: false, code: 'protocol_error', message: 'The frame is not valid JSON.', answers: CONNECTION }
  }
  return checkClientFrame(value)
}

/** Checks every field of a frame that the server reads. Total: never throws. */
export function checkClientFrame(value: unknown): CheckedFrame {
  if (!isRecord(value) || typeof value.type !== 'string') {
    const message = 'A frame is a JSON object with a string "type" first.'
    return { ok: false, code: 'protocol_error', message, answers: CONNECTION }
  }
  if (!isServed(value.type)) {
    return {
      ok: false,
      code: 'unknown_type',
      message: `Frame type ${value.type.slice(0, 64)} is not served.`,
      answers: answeredBy(value) ?? { kind: 'request', names: {} },
    }
  }
  for (const check of CHECKS[value.type]) {
    const fault = check(value)
    if (fault !== undefined) return refuse(value, 'invalid_frame', fault)
  }
  return { ok: true, frame: value as unknown as ClientFrame }
}

/** A frame that is in order, and over a limit. */
export function limitedFrame(frame: ClientFrame, { code, message, retryAfterMs }: Refusal): RefusedFrame {
  return { ok: false, code, message, retryAfterMs, answers: answeredBy({ ...frame }) ?? { kind: 'request', names: {} } }
}

/** Those that are read. */
export const FRAME_TYPES: readonly string[] = Object.keys(CHECKS)

function isServed(type: string): type is ClientFrame['type'] {
  return Object.hasOwn(CHECKS, type)
}

function refuse(fields: Fields, code: ErrorCode, message: string): CheckedFrame {
  return { ok: false, code, message, answers: answeredBy(fields) ?? CONNECTION }
}

function answeredBy({ type, seq, sub, id }: Fields): Answered | undefined {
  if (type === 'command') return isCommandId(id) ? { kind: 'command', id } : undefined
  if (type === 'publish' && isCounter(seq)) return { kind: 'publish', seq }
  if (isCounter(sub)) return { kind: 'request', names: { sub } }
  return isCounter(id) ? { kind: 'request', names: { id } } : undefined
}

function checkPauses(subs: unknown): string | undefined {
  const entries = isRecord(subs) ? Object.entries(subs) : undefined
  return entries !== undefined &&
    entries.length <= LIMITS.subscriptions &&
    entries.every(([sub, events]) => isCounter(Number(sub)) && (events === 0 || events === null))
    ? undefined
    : `subs: expected at most ${LIMITS.subscriptions} subscriptions, each 0 or null`
}

function checkEnd(end: unknown): string | undefined {
  if (isRecord(end) && (end.source === undefined || isSource(end.source))) return undefined
  return `end: expected { source?: 1 to ${LIMITS.idBytes} bytes without lone surrogates }`
}

function checkBatch(batch: unknown): string | undefined {
  const { maxMs, maxEvents = 1 } = isRecord(batch) ? batch : {}
  return isCounter(maxMs) && maxMs <= LIMITS.batchMs && isCounter(maxEvents) && maxEvents > 0
    ? undefined
    : `batch: expected { maxMs: 0 to ${LIMITS.batchMs}, maxEvents?: from 1 }`
}

function checkFrom(from: unknown): string | undefined {
  if (from === 'now' || from === 'latest' || from === 'earliest') return undefined
  if (isRecord(from)) {
    if (isCounter(from.time)) return undefined
    if (from.absent !== undefined && from.absent !== 'now') return 'from.absent: expected now'
    if (isRecord(from.positions)) return Object.entries(from.positions).every(isTopicVector) ? undefined : BAD_VECTOR
  }
  return 'from: expected now, latest, earliest, {time} or {positions}'
}

const BAD_VECTOR = `from.positions: expected topic -> lane -> at most ${LIMITS.epochs} positions, topics of 1 to ${LIMITS.topicChars} characters`

function isTopicVector([topic, lanes]: [string, unknown]): boolean {
  return isName(topic, LIMITS.topicChars) && isLaneVector(lanes)
}

function isLaneVector(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value).every(
      ([lane, positions]) =>
        isLane(lane) &&
        Array.isArray(positions) &&
        positions.length <= LIMITS.epochs &&
        positions.every((at) => typeof at === 'string' && parsePosition(at) !== undefined),
    )
  )
}
