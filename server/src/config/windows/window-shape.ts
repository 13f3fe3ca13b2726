import { durationMs, record } from '../checked-option.ts'
import { TopicProblem } from '../config-error.ts'
import type { WindowShape } from '../contract/model.ts'
import type { UncheckedOptions } from '../declarations/window-options.ts'
import { MAX_WINDOWS_OF_EVENT, MIN_WINDOW_MS } from '../defaults.ts'

const SHAPES = ['tumbling', 'hopping', 'session'] as const

/** Checks which windows the options declare. All their lengths are at least `MIN_WINDOW_MS`. */
export function windowShape(options: UncheckedOptions): WindowShape {
  const [type, ...more] = SHAPES.filter((shape) => options[shape] !== undefined)
  if (type === undefined || more.length > 0) {
    const found = type === undefined ? 'none' : [type, ...more].join(' and ')
    throw new TopicProblem('bad_window', `a window is one of ${SHAPES.join(', ')}: there is ${found}`)
  }
  switch (type) {
    case 'tumbling': {
      const sizeMs = windowMs('tumbling', options.tumbling)
      return { type, sizeMs, offsetMs: offsetMs(options.offset, sizeMs, 'window') }
    }
    case 'hopping': {
      const { size, slide } = record('hopping', options.hopping, ['size', 'slide'])
      const sizeMs = windowMs('hopping.size', size)
      const slideMs = windowMs('hopping.slide', slide)
      refuseTooManyWindows(sizeMs, slideMs)
      return { type, sizeMs, slideMs, offsetMs: offsetMs(options.offset, slideMs, 'slide') }
    }
    case 'session': {
      if (options.offset !== undefined) {
        throw new TopicProblem('bad_window', 'offset: sessions start with an event, so there is nothing to shift')
      }
      return { type, gapMs: windowMs('session.gap', record('session', options.session, ['gap']).gap) }
    }
  }
}

/** @throws {TopicProblem} `bad_window` when an event would be in more windows than anybody could want panes of. */
export function refuseTooManyWindows(sizeMs: number, slideMs: number): void {
  if (sizeMs / slideMs <= MAX_WINDOWS_OF_EVENT) return
  throw new TopicProblem(
    'bad_window',
    `a slide of ${slideMs}ms puts each event into ${Math.ceil(sizeMs / slideMs)} windows of ${sizeMs}ms; at most ${MAX_WINDOWS_OF_EVENT} are allowed`,
  )
}

function windowMs(option: string, value: unknown): number {
  const ms = durationMs(option, value)
  if (ms < MIN_WINDOW_MS) throw new TopicProblem('bad_window', `${option} must be at least ${MIN_WINDOW_MS}ms`)
  return ms
}

function offsetMs(value: unknown, periodMs: number, period: 'window' | 'slide'): number {
  if (value === undefined) return 0
  const ms = durationMs('offset', value)
  if (Math.abs(ms) < periodMs) return ms
  throw new TopicProblem(
    'bad_window',
    `offset ${value} must be shorter than the ${period} of ${periodMs}ms: windows repeat after it, so a longer one says nothing more`,
  )
}
