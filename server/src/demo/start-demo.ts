import { createClient } from '@tidegate/client/node'
import type { Clock } from '../clock.ts'
import type demo from './demo.config.ts'
import { demoEvents } from './generator.ts'
import { type Player, startPlayer } from './player.ts'

export interface DemoOptions {
  /** Address of the gateway. */
  readonly url: string
  /** Any integer: decides everything but the times. */
  readonly seed: number
  readonly clock: Clock
  /** A publish was refused. The demo continues. */
  readonly onError: (error: unknown) => void
}

/** Starts the simulated sensors and shop, which publish through the SDK like anybody else. */
export function startDemo({ url, seed, clock, onError }: DemoOptions): Player {
  const client = createClient<typeof demo>({ url })
  const player = startPlayer({
    events: demoEvents(seed, clock.now()),
    // The player keeps each topic's events together, which TypeScript cannot follow through its Map.
    publish: async (topic, events) => client.publish(topic, events as never),
    clock,
    onError,
  })
  return {
    async close({ deadlineMs }) {
      const startedAt = clock.monotonic()
      await player.close({ deadlineMs })
      await client.close({ deadlineMs: Math.max(0, deadlineMs - (clock.monotonic() - startedAt)) })
    },
  }
}
