import { readFileSync } from 'node:fs'
import { parseDuration } from '../config/duration.ts'
import type { AggregateSpec, WindowShape, WindowSpec } from '../config/model.ts'

/** Name of the one aggregate of a spec that names none: panes then hold its result itself. */
export const UNNAMED = 'value'

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
const FUNCTIONS = [
  ...['count', 'sum', 'avg', 'min', 'max', 'stddev', 'rate', 'timeWeightedAvg', 'first', 'last', 'distinct', 'list'],
  ...['quantiles', 'topK'],
]
type Fields = Readonly<Record<string, unknown>>

/** Reads `--spec`: JSON, or the name of a file that holds it. @throws Error that says what is wrong with it. */
export function readReplaySpec(option: string): ReplaySpec {
  const text = option.trimStart().startsWith('{') ? option : readFileSync(option, 'utf8')
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    throw new Error(`the spec is not JSON: ${(cause as Error).message}`, { cause })
  }
  if (!isRecord(fields)) throw new Error('the spec is not a JSON object')
  return parseReplaySpec(fields)
}

function parseReplaySpec(fields: Fields): ReplaySpec {
  const unknown = Object.keys(fields).filter((name) => !FIELDS.includes(name))
  if (unknown.length > 0) throw new Error(`the spec has no field ${unknown.join(', ')}; it has ${FIELDS.join(', ')}`)
  const { accumulation = 'accumulating', watermarks = 'bounded' } = fields
  if (accumulation !== 'accumulating' && accumulation !== 'discarding') {
    throw new Error('accumulation must be "accumulating" or "discarding"')
  }
  if (watermarks !== 'bounded' && watermarks !== 'explicit') {
    throw new Error('watermarks must be "bounded" or "explicit"')
  }
  const emitEveryMs = emitEvery(fields.emit)
  const { aggregate, isUnnamed } = aggregatesOf(fields.aggregate ?? 'count')
  return {
    explicitWatermarks: watermarks === 'explicit',
    isUnnamed,
    window: {
      ...shapeOf(fields),
      outOfOrdernessMs: durationMs(fields, 'outOfOrderness', 0, 0),
      allowedLatenessMs: durationMs(fields, 'allowedLateness', 0, 0),
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
      const sizeMs = durationMs(fields, 'size', 1)
      return { type: 'tumbling', sizeMs, offsetMs: offset(fields, 'size', sizeMs) }
    }
    case 'hopping': {
      refuse(fields, 'gap')
      const sizeMs = durationMs(fields, 'size', 1)
      const slideMs = durationMs(fields, 'slide', 1)
      return { type: 'hopping', sizeMs, slideMs, offsetMs: offset(fields, 'slide', slideMs) }
    }
    case 'session':
      refuse(fields, 'size', 'slide', 'offset')
      return { type: 'session', gapMs: durationMs(fields, 'gap', 1) }
    default:
      throw new Error(`type must be "tumbling", "hopping" or "session", not ${JSON.stringify(fields.type)}`)
  }
}

function offset(fields: Fields, bound: string, boundMs: number): number {
  const offsetMs = durationMs(fields, 'offset', Number.NEGATIVE_INFINITY, 0)
  if (Math.abs(offsetMs) >= boundMs) {
    throw new Error(`offset (${offsetMs} ms) must be shorter than ${bound} (${boundMs} ms) in either direction`)
  }
  return offsetMs
}

/** A field that means nothing for this type is a mistake, unless it says nothing. */
function refuse(fields: Fields, ...names: readonly string[]): void {
  for (const name of names) {
    if (fields[name] !== undefined && fields[name] !== null && fields[name] !== 0) {
      throw new Error(`a ${fields.type} window has no ${name}`)
    }
  }
}

/** A duration in ms, or as text such as "10s". */
function durationMs(fields: Fields, name: string, leastMs: number, fallbackMs?: number): number {
  const value = fields[name] ?? fallbackMs
  if (value === undefined) throw new Error(`${name} is missing: ms or a duration such as "10s"`)
  const ms = typeof value === 'string' ? parseNamed(name, value) : value
  if (typeof ms !== 'number' || !Number.isSafeInteger(ms)) {
    throw new Error(`${name} must be whole ms or a duration such as "10s", not ${JSON.stringify(value)}`)
  }
  if (ms < leastMs) throw new Error(`${name} must be at least ${leastMs} ms, not ${ms}`)
  return ms
}

function parseNamed(name: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause })
  }
}

function emitEvery(emit: unknown): number | undefined {
  if (emit === undefined || emit === null || emit === 'close') return undefined
  if (isRecord(emit) && Object.keys(emit).join() === 'every') return durationMs(emit, 'every', 1)
  throw new Error('emit must be "close" or { "every": "5s" }')
}

function aggregatesOf(declared: unknown): { aggregate: WindowSpec['aggregate']; isUnnamed: boolean } {
  if (typeof declared === 'string' || (isRecord(declared) && typeof declared.fn === 'string')) {
    return { aggregate: { [UNNAMED]: aggregateOf(declared) }, isUnnamed: true }
  }
  if (!isRecord(declared) || Object.keys(declared).length === 0) {
    throw new Error(`aggregate must be one of ${FUNCTIONS.join(', ')}, or an object of named ones`)
  }
  const named = Object.entries(declared).map(([name, aggregate]) => [name, aggregateOf(aggregate)])
  return { aggregate: Object.fromEntries(named), isUnnamed: false }
}

/** `"sum"` of the event's value, `{ "sum": "field" }` of a field of it, `{ "fn": "topK", "k": 3 }` with options. */
function aggregateOf(declared: unknown): AggregateSpec {
  const spec = typeof declared === 'string' ? { fn: declared } : isRecord(declared) ? withFunction(declared) : {}
  if (!FUNCTIONS.includes(spec.fn as string)) {
    throw new Error(`there is no aggregate ${JSON.stringify(declared)}; there are ${FUNCTIONS.join(', ')}`)
  }
  return spec as unknown as AggregateSpec
}

function withFunction(declared: Fields): Fields {
  if (declared.fn !== undefined) return declared
  const [fn, ...options] = Object.keys(declared)
  return fn === undefined ? {} : { fn, field: declared[fn], ...pick(declared, options) }
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]))
}

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
