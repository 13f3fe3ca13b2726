import type { WindowShape } from '../config/contract/model.ts'
import { tumblingStart } from './tumbling.ts'

export type HoppingShape = Extract<WindowShape, { type: 'hopping' }>

/**
 * Starts of the windows that hold time `t`, latest first; none where the slide is longer than the size and `t` lies
 * between.
 */
export function hoppingStarts(t: number, { sizeMs, slideMs, offsetMs }: HoppingShape): number[] {
  const starts: number[] = []
  for (let start = tumblingStart(t, slideMs, offsetMs); start + sizeMs > t; start -= slideMs) starts.push(start)
  return starts
}

/**
 * Start of the slice that holds time `t`. Windows begin and end only at borders of slices, so every window is a run of
 * whole slices, at most two a slide: "pairs" of Krishnamurthy, Wu and Franklin, On-the-fly Sharing for Streamed
 * Aggregation, 2006.
 */
export function sliceStart(t: number, { sizeMs, slideMs, offsetMs }: HoppingShape): number {
  const start = tumblingStart(t, slideMs, offsetMs)
  const cut = start + (sizeMs % slideMs)
  return t < cut ? start : cut
}
