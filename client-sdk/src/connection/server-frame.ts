import { isLane, parseLogEpoch, parsePosition, type ServerFrame } from '@tidegate/protocol'

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean

/** A server asks for seconds. Timers take 24 days and would end at once for more. */
const MAX_DELAY_MS = 86_400_000

/** Whether a server may ask to wait that long. */
export function isDelay(value: unknown): value is number {
  return isNumber(value) && value >= 0 && value <= MAX_DELAY_MS
}

/** Reads what the client relies on; `undefined` for text that no Tidegate server sends. Frames of unknown types are taken. */
export function readServerFrame(text: string): ServerFrame | undefined {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(frame) || typeof frame.type !== 'string') return undefined
  const isWhole = Object.hasOwn(CHECKS, frame.type) ? CHECKS[frame.type as ServerFrame['type']](frame) : true
  return isWhole ? (frame as unknown as ServerFrame) : undefined
}

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const isPosition: Check = (value) => isText(value) && parsePosition(value) !== undefined
const isLogEpoch: Check = (value) => isText(value) && parseLogEpoch(value) !== undefined
const isGrant: Check = (value) => isRecord(value) && isNumber(value.frames) && isNumber(value.bytes)
const isListOf = (item: Check): Check => {
  return (value) => Array.isArray(value) && value.every(item)
}
const isTableOf = (item: Check): Check => {
  return (value) => isRecord(value) && Object.values(value).every(item)
}
const isAbsentOr = (check: Check): Check => {
  return (value) => value === undefined || check(value)
}
const isVector = isTableOf(isTableOf(isListOf(isText)))
const isLogEpochs = isListOf(isLogEpoch)
const isOptionalNumber = isAbsentOr(isNumber)
const isOptionalText = isAbsentOr(isText)
const isOptionalDelay = isAbsentOr(isDelay)
const isOptionalPosition = isAbsentOr(isPosition)

const isCounted: Check = (value) =>
  isRecord(value) && isOptionalNumber(value.conflated) && isOptionalNumber(value.sampled)
const isRefusal: Check = (value) => isRecord(value) && isNumber(value.index) && isText(value.code)
const isEvent: Check = (value) => isRecord(value) && isText(value.at)
const isPart: Check = (value) =>
  isRecord(value) &&
  isNumber(value.sub) &&
  isText(value.topic) &&
  isLane(value.lane) &&
  isEvents(value.events) &&
  isCounted(value)
const isEvents = isListOf(isEvent)
const isParts = isListOf(isPart)
const isFailure = ({ code, message }: Fields) => isText(code) && isText(message)
const isOutcome = ({ status, version, epoch, events, ...rejected }: Fields) =>
  status === 'done'
    ? isNumber(version) && isText(epoch) && isListOf(isRecord)(events)
    : status === 'rejected' &&
      isFailure(rejected) &&
      isOptionalDelay(rejected.retryAfterMs) &&
      isOptionalText(rejected.path)

/** Fields that the client takes for what the protocol says they are. */
const CHECKS: Readonly<Record<ServerFrame['type'], (frame: Fields) => boolean>> = {
  welcome: ({ time, publish, pingMs, sequence, expiresInMs }) =>
    isOptionalNumber(time) &&
    isGrant(publish) &&
    isDelay(pingMs) &&
    pingMs > 0 &&
    isOptionalText(sequence) &&
    isOptionalNumber(expiresInMs),
  authorized: ({ expiresInMs }) => isOptionalNumber(expiresInMs),
  ack: ({ seq, at, rejected }) =>
    isNumber(seq) && isListOf(isPosition)(at) && isAbsentOr(isListOf(isRefusal))(rejected),
  reject: (frame) =>
    isNumber(frame.seq) &&
    isFailure(frame) &&
    isOptionalDelay(frame.retryAfterMs) &&
    isAbsentOr(isLogEpochs)(frame.epochs),
  epoch: ({ at }) => isLogEpochs(at),
  subscribed: ({ sub, positions }) => isNumber(sub) && isVector(positions),
  unsubscribed: ({ sub, code }) => isNumber(sub) && isText(code),
  batch: ({ parts }) => isParts(parts),
  gap: (frame) =>
    isNumber(frame.sub) &&
    isText(frame.topic) &&
    isLane(frame.lane) &&
    isPosition(frame.upTo) &&
    isOptionalPosition(frame.after) &&
    isCounted(frame),
  progress: ({ sub, positions, counts }) =>
    isNumber(sub) && isVector(positions) && isAbsentOr(isListOf(isCounted))(counts),
  ping: ({ time }) => isNumber(time),
  result: ({ id, next }) => isNumber(id) && isOptionalText(next),
  answer: (frame) => isText(frame.id) && isOptionalPosition(frame.position) && isOutcome(frame),
  error: (frame) =>
    isFailure(frame) &&
    isOptionalNumber(frame.id) &&
    isOptionalNumber(frame.sub) &&
    isOptionalDelay(frame.retryAfterMs),
  slow: ({ retryAfterMs, publish }) => isDelay(retryAfterMs) && isGrant(publish),
  bus: ({ class: busClass, state }) => isText(busClass) && isText(state),
  drain: ({ reconnectInMs }) => isDelay(reconnectInMs),
}
