import type { ServerFrame } from '@tidegate/protocol'

type Welcome = Extract<ServerFrame, { type: 'welcome' }>

/** What a gateway of usual limits answers to `hello`. */
export function welcome(changes: Partial<Welcome> = {}): Welcome {
  return {
    type: 'welcome',
    protocol: 1,
    session: 's-1',
    node: 'n-1',
    contract: 'c-1',
    time: Date.now(),
    publish: { frames: 64, bytes: 1_048_576 },
    limits: { frameBytes: 1_048_576, frameEvents: 1_000 },
    pingMs: 15_000,
    ...changes,
  }
}
