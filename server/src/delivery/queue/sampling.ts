import { markAt, type Run } from './run.ts'

/**
 * Whether an event is among the one in 2^level that sampling keeps. A hash of the position decides, so that the choice
 * follows no pattern of the stream, and each level keeps a subset of the level below.
 */
export function isSampled(run: Run, pick: number, level: number): boolean {
  return (hash(run.streamId, markAt(run, pick).index) & ((1 << level) - 1)) === 0
}

/** FNV-1a over the id, then the finalizer of MurmurHash3, whose low bits are well mixed. */
function hash(streamId: string, index: number): number {
  let h = 0x811c9dc5 ^ index
  for (let i = 0; i < streamId.length; i++) h = Math.imul(h ^ streamId.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
