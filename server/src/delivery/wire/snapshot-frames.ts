import { LANES } from '@tidegate/protocol'
import { type CurrentResult, formatMark } from '../../bus/index.ts'
import type { LaneIndex } from './lanes.ts'

/** A batch frame of a snapshot. */
export interface SnapshotFrame {
  readonly bytes: Buffer
  /** Whether the snapshot is complete with it. */
  readonly isEnd: boolean
}

/** The subscription and log of a snapshot. */
export interface SnapshotOf {
  readonly sub: number
  readonly topic: string
  readonly partition: number
  /** Epoch of the log when the subscription began. */
  readonly epoch: string
  readonly lane: LaneIndex
}

/**
 * The batch frames of one page of a snapshot. The last frame of the last page marks the end, if need be without an
 * event.
 */
export function snapshotFrames(
  { sub, topic, partition, epoch, lane }: SnapshotOf,
  results: readonly CurrentResult[],
  options: { readonly isLast: boolean; readonly maxBytes: number },
): SnapshotFrame[] {
  const frames: string[][] = [[]]
  let bytes = 0
  for (const { streamId, index, json } of results) {
    const event = `{"at":"${formatMark(partition, { epoch, streamId, index })}",${json.slice(1)}`
    if (bytes > 0 && bytes + event.length > options.maxBytes) {
      frames.push([])
      bytes = 0
    }
    frames.at(-1)!.push(event)
    bytes += event.length
  }
  if (bytes === 0 && !options.isLast) return []
  const head = `{"type":"batch","parts":[{"sub":${sub},"topic":"${topic}","lane":"${LANES[lane]}","snapshot":`
  return frames.map((events, i) => {
    const isEnd = options.isLast && i === frames.length - 1
    const bytes = Buffer.from(`${head}"${isEnd ? 'end' : 'more'}","events":[${events.join(',')}]}]}`)
    return { bytes, isEnd }
  })
}
