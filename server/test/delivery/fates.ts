import { type GapFrame, LANES, type Lane, type ServerFrame } from '@tidegate/protocol'
import { expect } from 'vitest'
import { type ModelNode, PARTITIONS } from './model-node.ts'

type Resolution =
  | (GapFrame & { readonly kind: 'gap' })
  | { readonly kind: 'event'; readonly lane: Lane; readonly at: string; readonly id: string }

/** Each frame in the order it was sent, as the positions it resolves: one per event, or a gap. */
function resolutions(frames: readonly ServerFrame[]): Resolution[] {
  return frames.flatMap((frame): Resolution[] => {
    if (frame.type === 'gap') return [{ ...frame, kind: 'gap' }]
    if (frame.type !== 'batch') return []
    return frame.parts.flatMap((part) =>
      part.events.map((event) => ({ kind: 'event', lane: part.lane, at: event.at, id: event.id })),
    )
  })
}

/** Checks that every logged event of the wanted lanes was delivered once, or lies in a gap that counts it, all in log order. */
export function expectEveryFateTold(node: ModelNode, frames: readonly ServerFrame[], from = 0): void {
  const place = new Map(node.logged.map((event, i) => [event.at, i]))
  for (let p = 0; p < PARTITIONS; p++) {
    for (const lane of LANES) {
      const wanted = node.logged.slice(from).filter((event) => event.partition === p && event.lane === lane)
      const mine = resolutions(frames).filter(
        (r) => r.lane === lane && (r.kind === 'event' ? r.at : r.upTo).startsWith(`${p}@`),
      )
      const told: string[] = []
      let reached = -1
      for (const resolution of mine) {
        if (resolution.kind === 'event') {
          expect(place.get(resolution.at)).toBeGreaterThan(reached)
          reached = place.get(resolution.at)!
          told.push(resolution.id)
          continue
        }
        expect(resolution.reason).toBe('overflow')
        const after = resolution.after === undefined ? -1 : (place.get(resolution.after) ?? reached)
        const upTo = place.get(resolution.upTo)!
        const inside = wanted.filter((event) => place.get(event.at)! > after && place.get(event.at)! <= upTo)
        expect(resolution.count).toBe(inside.length)
        expect(after).toBeGreaterThanOrEqual(reached)
        reached = upTo
        told.push(...inside.map((event) => event.id))
      }
      expect(told).toEqual(wanted.map((event) => event.id))
    }
  }
}
