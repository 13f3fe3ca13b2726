import { setTimeout as sleep } from 'node:timers/promises'
import type { Player } from './player.ts'

/** Something that a player does, in numbers that a seed chooses. */
export type Step =
  | { readonly kind: 'publish'; readonly keys: readonly number[] }
  | { readonly kind: 'subscribe'; readonly start: 'earliest' | 'now'; readonly iterates: boolean }
  | { readonly kind: 'unsubscribe'; readonly which: number }
  | { readonly kind: 'query' }
  | { readonly kind: 'cut'; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'lag'; readonly ms: number }
  | { readonly kind: 'refuse'; readonly frame: 'publish' | 'subscribe' | 'query' | 'hello'; readonly times: number }
  | { readonly kind: 'forbid' }
  | { readonly kind: 'slow'; readonly frames: number }
  | { readonly kind: 'drain' }
  | { readonly kind: 'outage' }
  | { readonly kind: 'mend' }
  | { readonly kind: 'breathe' }
  | { readonly kind: 'wait'; readonly ms: number }

/** How long a refused client is told to wait: longer waits test nothing else. */
const RETRY_MS = 3
const BREATH_MS = 60
const DRAIN_MS = 40
const GRANT_BYTES = 65_536

export async function play(player: Player, step: Step): Promise<void> {
  const { network } = player
  switch (step.kind) {
    case 'publish':
      return player.publish(step.keys)
    case 'subscribe':
      return player.subscribe(step.start, step.iterates)
    case 'unsubscribe':
      return player.unsubscribe(step.which)
    case 'query':
      return player.query()
    case 'cut':
      return player.cut(step.retryAfterMs)
    case 'lag':
      return network.lag(step.ms)
    case 'refuse': {
      const { frame, times } = step
      return player.disturb(() => network.refuse(frame, { code: 'overloaded', retryAfterMs: RETRY_MS, times }))
    }
    case 'forbid':
      // A resend may be stored: no gateway refuses it then.
      return player.disturb(() =>
        network.refuse('publish', { code: 'forbidden', times: 1, when: ({ ageMs }) => ageMs === undefined }),
      )
    case 'slow':
      return network.slow({ retryAfterMs: RETRY_MS, publish: { frames: step.frames, bytes: GRANT_BYTES } })
    case 'drain':
      return network.drain({ reconnectInMs: RETRY_MS, deadlineMs: DRAIN_MS })
    case 'outage':
      return player.disturb(() => network.outage(RETRY_MS))
    case 'mend':
      return player.mend()
    case 'breathe':
      return player.breathe(BREATH_MS)
    case 'wait':
      await sleep(step.ms)
      return
    default:
      step satisfies never
  }
}
