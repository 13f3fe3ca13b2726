import { assertNever } from '../assert-never.ts'
import type { WindowShape } from '../config/contract/model.ts'
import { hoppingStarts } from './hopping.ts'
import { tumblingStart } from './tumbling.ts'

/**
 * The windows `[start, end)` an event of time `t` belongs to, earliest first. For sessions: the one it would begin by
 * itself.
 */
export function windowsOf(t: number, shape: WindowShape): (readonly [start: number, end: number])[] {
  switch (shape.type) {
    case 'tumbling': {
      const start = tumblingStart(t, shape.sizeMs, shape.offsetMs)
      return [[start, start + shape.sizeMs]]
    }
    case 'hopping':
      return hoppingStarts(t, shape)
        .reverse()
        .map((start) => [start, start + shape.sizeMs])
    case 'session':
      return [[t, t + shape.gapMs]]
    default:
      return assertNever(shape)
  }
}
