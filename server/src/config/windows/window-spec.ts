import {
  durationMs,
  isCount,
  knownOptions,
  notNegativeMs,
  oneOf,
  positiveMs,
  record,
  wholeVersion,
} from '../checked-option.ts'
import { checked, TopicProblem } from '../config-error.ts'
import type { WindowFilter, WindowSpec } from '../contract/model.ts'
import { type UncheckedOptions, WINDOW_OPTIONS } from '../declarations/window-options.ts'
import {
  DEFAULT_ALLOWED_LATENESS,
  DEFAULT_MAX_BEHIND,
  DEFAULT_MAX_KEYS,
  DEFAULT_MAX_OPEN,
  DEFAULT_OUT_OF_ORDERNESS,
  MIN_EMIT_MS,
} from '../defaults.ts'
import { aggregateSpecs } from './aggregate-spec.ts'
import { windowShape } from './window-shape.ts'

/** Checks the options of a window and turns them into plain data. Whether its fields exist is not known here. */
export function windowSpec(options: UncheckedOptions): WindowSpec {
  return checked({
    known: () => knownOptions(options, WINDOW_OPTIONS, 'bad_window'),
    spec: () => knownSpec({ ...options }),
  }).spec
}

function knownSpec(options: UncheckedOptions): WindowSpec {
  const shape = windowShape(options)
  const groups = groupBy(options.groupBy)
  if (groups !== 'key' && shape.type !== 'tumbling') {
    throw new TopicProblem(
      'bad_window',
      `groupBy: a ${shape.type} window has a group per key; only tumbling ones merge others`,
    )
  }
  const emitEveryMs = emitMs(options.emit)
  const clockPer = oneOf('watermark', options.watermark, ['partition', 'source', 'key'])
  const accumulation = oneOf('accumulation', options.accumulation, ['accumulating', 'discarding'])
  if (groups !== 'key' && accumulation === 'discarding') {
    throw new TopicProblem(
      'bad_window',
      'accumulation: with groupBy the parts of a group are merged anew for each pane, so that panes accumulate; leave one of the two out',
    )
  }
  const { behind, ...values } = checked({
    outOfOrdernessMs: () => notNegativeMs('outOfOrderness', options.outOfOrderness ?? DEFAULT_OUT_OF_ORDERNESS),
    allowedLatenessMs: () => notNegativeMs('allowedLateness', options.allowedLateness ?? DEFAULT_ALLOWED_LATENESS),
    behind: () => maxBehind(clockPer, options.maxBehind),
    maxKeys: () => limit('maxKeys', options.maxKeys, DEFAULT_MAX_KEYS),
    maxOpen: () => limit('maxOpen', options.maxOpen, DEFAULT_MAX_OPEN),
    aggregate: () => aggregateSpecs(options.aggregate),
  })
  const { outOfOrdernessMs, allowedLatenessMs, maxKeys, maxOpen, aggregate } = values
  return {
    ...shape,
    outOfOrdernessMs,
    allowedLatenessMs,
    clockPer,
    ...behind,
    accumulation,
    ...(emitEveryMs !== undefined && { emitEveryMs }),
    groupBy: groups,
    maxKeys,
    maxOpen,
    aggregate,
  }
}

/** The function that says which events count, if there is one. */
export function windowFilter(where: unknown): WindowFilter | undefined {
  if (where === undefined) return undefined
  const { version, keep } = record('where', where, ['version', 'keep'])
  if (typeof keep !== 'function') throw new TopicProblem('bad_window', 'where.keep must be a function of the data')
  return { version: wholeVersion('where.version', version, 'where.keep'), keep: keep as WindowFilter['keep'] }
}

function emitMs(emit: unknown): number | undefined {
  if (emit === undefined) return undefined
  const ms = durationMs('emit.every', record('emit', emit, ['every']).every)
  if (ms < MIN_EMIT_MS) throw new TopicProblem('bad_window', `emit.every must be at least ${MIN_EMIT_MS}ms`)
  return ms
}

function maxBehind(clockPer: WindowSpec['clockPer'], declared: unknown): { maxBehindMs?: number } {
  if (clockPer !== 'partition') return { maxBehindMs: positiveMs('maxBehind', declared ?? DEFAULT_MAX_BEHIND) }
  if (declared === undefined) return {}
  throw new TopicProblem('bad_window', "maxBehind: there is one clock; it goes with watermark: 'source' or 'key'")
}

function groupBy(declared: unknown): WindowSpec['groupBy'] {
  if (declared === undefined) return 'key'
  if (declared === null) return 'all'
  if (typeof declared === 'string') return { field: declared }
  throw new TopicProblem(
    'bad_window',
    'groupBy must be absent (a group per key), null (one over all keys) or the name of a field that holds strings',
  )
}

function limit(option: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback
  if (isCount(value)) return value
  throw new TopicProblem('bad_window', `${option} must be a whole number from 1`)
}
