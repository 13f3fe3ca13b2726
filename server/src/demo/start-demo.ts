import { CommandRejected, createClient } from '@tidegate/client/node'
import type { Clock } from '../clock.ts'
import type demo from './demo.config.ts'
import type { DemoCommand } from './demo-command.ts'
import { Desk } from './desk.ts'
import { demoEvents } from './generator.ts'
import { type Player, startPlayer } from './player.ts'

export interface DemoOptions {
  /** Address of the gateway. */
  readonly url: string
  /** Any integer: decides everything but the times. */
  readonly seed: number
  readonly clock: Clock
  /** A publish or a command was refused by the server. The demo continues. */
  readonly onError: (error: unknown) => void
}

/** How long the demo stays for the outcomes of its last commands: nobody needs them, and without a worker there are none. */
const LAST_OUTCOMES_MS = 500

/** Starts the simulated sensors and shop, which publish and send commands through the SDK like anybody else. */
export function startDemo({ url, seed, clock, onError }: DemoOptions): Player {
  const client = createClient<typeof demo>({ url })
  const desk = new Desk()
  let isClosing = false
  const send = ({ entity, key, command, input }: DemoCommand) => {
    // The union keeps entity, command and input together, which TypeScript cannot follow through the parameters.
    client.command(entity, key, command as never, input as never).catch((error: unknown) => {
      // A rejection is the entity's answer: the desk asks for the impossible on purpose.
      if (!(error instanceof CommandRejected) && !isClosing) onError(error)
    })
  }
  const player = startPlayer({
    events: demoEvents(seed, clock.now()),
    // The player keeps each topic's events together, which TypeScript cannot follow through its Map.
    publish: async (topic, events) => client.publish(topic, events as never),
    onEvent: (event) => desk.commandsOf(event).forEach(send),
    clock,
    onError,
  })
  return {
    async close({ deadlineMs }) {
      const startedAt = clock.monotonic()
      await player.close({ deadlineMs })
      const leftMs = Math.max(0, deadlineMs - (clock.monotonic() - startedAt))
      isClosing = true
      await client.close({ deadlineMs: Math.min(leftMs, LAST_OUTCOMES_MS) })
    },
  }
}
