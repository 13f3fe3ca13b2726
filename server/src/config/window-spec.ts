import { aggregateSpecs } from './aggregate.ts'
import { TopicProblem } from './config-error.ts'
import type { WindowDeclaration } from './declaration.ts'
import { DEFAULT_ALLOWED_LATENESS, DEFAULT_OUT_OF_ORDERNESS, MIN_WINDOW_MS } from './defaults.ts'
import { parseDuration } from './duration.ts'
import type { WindowSpec } from './model.ts'

/** Checks a declared window and turns it into plain data. */
export function windowSpec(declared: WindowDeclaration): WindowSpec {
  const sizeMs = durationMs('tumbling', declared.tumbling)
  if (sizeMs < MIN_WINDOW_MS) throw new TopicProblem('bad_window', `tumbling must be at least ${MIN_WINDOW_MS}ms`)
  const offsetMs = durationMs('offset', declared.offset ?? '0s')
  if (Math.abs(offsetMs) >= sizeMs) {
    throw new TopicProblem(
      'bad_window',
      `offset ${declared.offset} must be shorter than the window ${declared.tumbling}`,
    )
  }
  if (declared.groupBy !== undefined && declared.groupBy !== null) {
    throw new TopicProblem('bad_window', 'groupBy must be null (one group over all keys) or absent (one per key)')
  }
  return {
    type: 'tumbling',
    sizeMs,
    offsetMs,
    outOfOrdernessMs: notNegativeMs('outOfOrderness', declared.outOfOrderness ?? DEFAULT_OUT_OF_ORDERNESS),
    allowedLatenessMs: notNegativeMs('allowedLateness', declared.allowedLateness ?? DEFAULT_ALLOWED_LATENESS),
    groupBy: declared.groupBy === null ? 'all' : 'key',
    aggregate: aggregateSpecs(declared.aggregate),
  }
}

export function positiveMs(option: string, text: string): number {
  const ms = durationMs(option, text)
  if (ms <= 0) throw new TopicProblem('bad_duration', `${option} must be longer than nothing`)
  return ms
}

function notNegativeMs(option: string, text: string): number {
  const ms = durationMs(option, text)
  if (ms < 0) throw new TopicProblem('bad_duration', `${option} must not be negative`)
  return ms
}

function durationMs(option: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new TopicProblem('bad_duration', `${option}: ${(cause as Error).message}`, { cause })
  }
}
