import { type ClientFrame, type ErrorCode, isLane, isTopicSelector, ON_SLOW, parsePosition } from '@tidegate/protocol'

type Fields = Readonly<Record<string, unknown>>
type Check = (fields: Fields) => string | undefined

/** What came, as a gateway would read it. */
export type ReadFrame =
  | { readonly kind: 'frame'; readonly frame: ClientFrame }
  /** @prop answers fields that say what is refused; none: the connection closes */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string; readonly answers?: Fields }

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isCounter = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const counter =
  (name: string): Check =>
  (fields) =>
    isCounter(fields[name]) ? undefined : `${name}: expected a whole number from 0`
const text =
  (name: string): Check =>
  (fields) =>
    isText(fields[name]) ? undefined : `${name}: expected a string`
const optional =
  (name: string, isRight: (value: unknown) => boolean, expected: string): Check =>
  (fields) =>
    fields[name] === undefined || isRight(fields[name]) ? undefined : `${name}: expected ${expected}`

const isTexts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')
const isLanes = (value: unknown) => Array.isArray(value) && value.every(isLane)
const isBoolean = (value: unknown) => typeof value === 'boolean'
const isVector = (value: unknown) =>
  isRecord(value) &&
  Object.values(value).every(
    (lanes) =>
      isRecord(lanes) &&
      Object.entries(lanes).every(([lane, positions]) => isLane(lane) && isTexts(positions) && arePositions(positions)),
  )
const arePositions = (value: unknown) => (value as readonly string[]).every((at) => parsePosition(at) !== undefined)
const isFrom = (value: unknown) =>
  value === 'now' ||
  value === 'latest' ||
  value === 'earliest' ||
  (isRecord(value) && (isCounter(value.time) || isVector(value.positions)))

/** The fields that a test server reads. A gateway checks more: lengths, and what is well-formed. */
const CHECKS: Readonly<Record<ClientFrame['type'], readonly Check[]>> = {
  hello: [counter('protocol'), text('client'), optional('session', isCounter, 'a whole number from 0')],
  publish: [
    counter('seq'),
    text('topic'),
    ({ events }) => (Array.isArray(events) ? undefined : 'events: expected an array'),
  ],
  subscribe: [
    counter('sub'),
    ({ topic }) =>
      typeof topic === 'string' && isTopicSelector(topic)
        ? undefined
        : 'topic: expected a topic name or a selector ending in .* or .>',
    optional('keys', isTexts, 'strings'),
    optional('lanes', isLanes, 'lanes'),
    optional('where', isText, 'a filter'),
    optional('onSlow', (value) => ON_SLOW.some((policy) => policy === value), `one of ${ON_SLOW.join(', ')}`),
    optional('snapshot', isBoolean, 'a boolean'),
    optional('from', isFrom, 'now, latest, earliest, {time} or {positions}'),
  ],
  unsubscribe: [counter('sub')],
  credit: [counter('bytes')],
  token: [text('token')],
  pong: [],
  query: [counter('id'), text('name'), optional('params', isRecord, 'an object')],
  command: [text('id'), text('entity'), text('key'), text('command')],
}

/** Reads a text of a client. Total: it never throws. */
export function readClientFrame(source: string): ReadFrame {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    return { kind: 'refused', code: 'protocol_error', message: 'The frame is not valid JSON.' }
  }
  if (!isRecord(value) || typeof value.type !== 'string') {
    const message = 'A frame is a JSON object with a string "type" first.'
    return { kind: 'refused', code: 'protocol_error', message }
  }
  const answers = namesOf(value)
  if (!Object.hasOwn(CHECKS, value.type)) {
    const message = `Frame type ${value.type} is not served.`
    return { kind: 'refused', code: 'unknown_type', message, answers: answers ?? {} }
  }
  for (const check of CHECKS[value.type as ClientFrame['type']]) {
    const message = check(value)
    if (message !== undefined) return { kind: 'refused', code: 'invalid_frame', message, ...(answers && { answers }) }
  }
  return { kind: 'frame', frame: value as unknown as ClientFrame }
}

function namesOf({ type, seq, sub, id }: Fields): Fields | undefined {
  if (type === 'publish' && isCounter(seq)) return { seq }
  if (type === 'command' && isText(id)) return { command: id }
  if (isCounter(sub)) return { sub }
  return isCounter(id) ? { id } : undefined
}
