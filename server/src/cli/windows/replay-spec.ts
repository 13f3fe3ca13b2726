import { readFileSync } from 'node:fs'
import { LIMITS } from '@tidegate/protocol'
import { durationMs, oneOf, record } from '../../config/checked-option.ts'
import type { WindowShape, WindowSpec } from '../../config/contract/model.ts'
import { refuseTooManyWindows } from '../../config/windows/window-shape.ts'
import { isDeeperThan } from '../../data-depth.ts'
import { type Fields, isRecord } from '../../json-fields.ts'
import { replayAggregates } from './replay-aggregates.ts'

export interface ReplaySpec {
  readonly window: WindowSpec
  /** `watermarks: "explicit"`: only `watermark` steps move time. */
  readonly explicitWatermarks: boolean
  /** Panes hold the result of the one aggregate, not an object of named ones. */
  readonly isUnnamed: boolean
}

const FIELDS = [
  ...['type', 'size', 'slide', 'offset', 'gap', 'allowedLateness', 'outOfOrderness', 'accumulation', 'emit'],
  ...['aggregate', 'watermarks'],
]

/** Some 3,000 years: ends of windows stay exact integers as long as times of events are those of a `Date`. */
const MAX_LENGTH_MS = 100_000_000_000_000

/** Reads `--spec`: JSON, or the name of a file that holds it. @throws Error that says what is wrong with it. */
export function readReplaySpec(option: string): ReplaySpec {
  const text = /^\s*[{[]/.test(option) ? option : readSpecFile(option)
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    throw new Error(`the spec is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!isRecord(fields)) throw new Error('the spec is not a JSON object')
  return parseReplaySpec(fields)
}

/** As deep as the data of an event, and what stands around it. */
const MAX_DEPTH = 2 * LIMITS.dataDepth

/** Before anything is done with it: a message that shows a value walks it by recursion. @throws Error */
export function refuseTooDeep(what: string, value: unknown): void {
  if (isDeeperThan(value, MAX_DEPTH)) throw new Error(`${what} nests deeper than ${MAX_DEPTH} arrays and objects`)
}

function readSpecFile(name: string): string {
  try {
    return readFileSync(name, 'utf8')
  } catch (cause) {
    throw new Error(`--spec ${JSON.stringify(name)} is neither a JSON object nor a file: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function parseReplaySpec(given: Fields): ReplaySpec {
  refuseTooDeep('the spec', given)
  record('the spec', given, FIELDS)
  const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const accumulation = oneOf('accumulation', fields.accumulation, ['accumulating', 'discarding'])
  const watermarks = oneOf('watermarks', fields.watermarks, ['bounded', 'explicit'])
  const emitEveryMs = emitEvery(fields.emit)
  const { aggregate, isUnnamed } = replayAggregates(fields.aggregate ?? 'count')
  return {
    explicitWatermarks: watermarks === 'explicit',
    isUnnamed,
    window: {
      ...shapeOf(fields),
      outOfOrdernessMs: lengthMs(fields, 'outOfOrderness', 0, 0),
      allowedLatenessMs: lengthMs(fields, 'allowedLateness', 0, 0),
      accumulation,
      ...(emitEveryMs !== undefined && { emitEveryMs }),
      clockPer: 'source',
      groupBy: 'key',
      maxKeys: Number.MAX_SAFE_INTEGER,
      maxOpen: Number.MAX_SAFE_INTEGER,
      aggregate,
    },
  }
}

function shapeOf(fields: Fields): WindowShape {
  switch (fields.type) {
    case 'tumbling': {
      refuse(fields, 'slide', 'gap')
      const sizeMs = lengthMs(fields, 'size', 1)
      return { type: 'tumbling', sizeMs, offsetMs: offset(fields, 'size', sizeMs) }
    }
    case 'hopping': {
      refuse(fields, 'gap')
      const sizeMs = lengthMs(fields, 'size', 1)
      const slideMs = lengthMs(fields, 'slide', 1)
      refuseTooManyWindows(sizeMs, slideMs)
      return { type: 'hopping', sizeMs, slideMs, offsetMs: offset(fields, 'slide', slideMs) }
    }
    case 'session':
      refuse(fields, 'size', 'slide', 'offset')
      return { type: 'session', gapMs: lengthMs(fields, 'gap', 1) }
    default:
      throw new Error(`type must be "tumbling", "hopping" or "session", not ${JSON.stringify(fields.type)}`)
  }
}

function offset(fields: Fields, bound: string, boundMs: number): number {
  const offsetMs = lengthMs(fields, 'offset', -MAX_LENGTH_MS, 0)
  if (Math.abs(offsetMs) >= boundMs) {
    throw new Error(`offset (${offsetMs} ms) must be shorter than ${bound} (${boundMs} ms) in either direction`)
  }
  return offsetMs
}

/** A field that means nothing for this type is a mistake, unless it says nothing. */
function refuse(fields: Fields, ...names: readonly string[]): void {
  for (const name of names) {
    if (fields[name] !== undefined && fields[name] !== 0) {
      throw new Error(`a ${fields.type} window has no ${name}`)
    }
  }
}

/** A duration in ms, or as text such as "10s". */
function lengthMs(fields: Fields, name: string, leastMs: number, fallbackMs?: number): number {
  const value = fields[name] ?? fallbackMs
  if (value === undefined) throw new Error(`${name} is missing: ms or a duration such as "10s"`)
  const ms = typeof value === 'string' ? durationMs(name, value) : value
  if (typeof ms !== 'number' || !Number.isSafeInteger(ms)) {
    throw new Error(`${name} must be whole ms or a duration such as "10s", not ${JSON.stringify(value)}`)
  }
  if (ms > MAX_LENGTH_MS) throw new Error(`${name} must be at most ${MAX_LENGTH_MS} ms, not ${ms}`)
  if (ms < leastMs) throw new Error(`${name} must be at least ${leastMs} ms, not ${ms}`)
  return ms
}

function emitEvery(emit: unknown): number | undefined {
  if (emit === undefined || emit === 'close') return undefined
  if (isRecord(emit) && Object.keys(emit).join() === 'every') return lengthMs(emit, 'every', 1)
  throw new Error('emit must be "close" or { "every": "5s" }')
}
