import { LANES } from '@tidegate/protocol'
import { type CurrentResult, formatMark } from '../../bus/index.ts'
import type { LaneIndex } from './entry.ts'
import type { Feed } from '../subscription/feed.ts'

/** The batch frames of one page of a snapshot. The last frame of the last page says so, if need be without an event. */
export function snapshotFrames(
  feed: Feed,
  lane: LaneIndex,
  results: readonly CurrentResult[],
  options: { readonly isLast: boolean; readonly maxBytes: number },
): Buffer[] {
  const { topic, partition, subscription } = feed
  const { epoch } = feed.startOf(lane)
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
  const head = `{"type":"batch","parts":[{"sub":${subscription.plan.sub},"topic":"${topic}","lane":"${LANES[lane]}","snapshot":`
  return frames.map((events, i) => {
    const isEnd = options.isLast && i === frames.length - 1
    return Buffer.from(`${head}"${isEnd ? 'end' : 'more'}","events":[${events.join(',')}]}]}`)
  })
}
