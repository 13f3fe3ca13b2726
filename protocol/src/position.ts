/**
 * Where one event lies: `partition@epoch/streamId.index`, for example `3@1/1732350000123-0.41`.
 *
 * Self-contained: partition number, log epoch (changes when the log may have lost its tail), the Redis stream id
 * of the record batch and the event's 0-based index in it. Positions of one partition and epoch are totally ordered.
 */
export interface Position {
  readonly partition: number
  readonly epoch: string
  readonly streamId: string
  readonly index: number
}

const POSITION = /^(\d{1,4})@([0-9a-z]{1,16})\/(\d{1,16}-\d{1,20})\.(\d{1,6})$/

export function formatPosition(at: Position): string {
  return `${at.partition}@${at.epoch}/${at.streamId}.${at.index}`
}

/** Parses a position, or returns `undefined` for anything that is not one. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text)
  if (match === null) return undefined
  return { partition: Number(match[1]), epoch: match[2]!, streamId: match[3]!, index: Number(match[4]) }
}

/** Which log a partition has: `partition@epoch`, the beginning of its positions. */
export interface LogEpoch {
  readonly partition: number
  readonly epoch: string
}

const LOG_EPOCH = /^(\d{1,4})@([0-9a-z]{1,16})$/

export function formatLogEpoch({ partition, epoch }: LogEpoch): string {
  return `${partition}@${epoch}`
}

/** Parses `partition@epoch`, or returns `undefined` for anything else. */
export function parseLogEpoch(text: string): LogEpoch | undefined {
  const match = LOG_EPOCH.exec(text)
  return match === null ? undefined : { partition: Number(match[1]), epoch: match[2]! }
}

const DASH = 0x2d

/** Orders two Redis stream ids (`ms-seq`): negative when `a` is older. */
export function compareStreamIds(a: string, b: string): number {
  if (a === b) return 0
  const dashA = a.indexOf('-')
  // Numbers of as many digits are ordered as their texts are, which takes a tenth of the time that reading them does.
  if (a.length === b.length && b.charCodeAt(dashA) === DASH) return a < b ? -1 : 1
  const dashB = b.indexOf('-')
  const ms = Number(a.slice(0, dashA)) - Number(b.slice(0, dashB))
  return ms !== 0 ? ms : Number(a.slice(dashA + 1)) - Number(b.slice(dashB + 1))
}

/** Orders two positions of one partition and epoch: negative when `a` is older. */
export function comparePositions(a: Position, b: Position): number {
  return compareStreamIds(a.streamId, b.streamId) || a.index - b.index
}
