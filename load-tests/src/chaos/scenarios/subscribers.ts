import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'

const HOLDS_MS = 5_000
/** A tenth of what is published. */
const PACE_MS = 20
const WINDOW_BYTES = 4_096

/** Clients that cannot keep up. */
export const SUBSCRIBERS: readonly Scenario[] = [
  {
    name: 'slow-subscribers',
    about: `two subscribers take a tenth of what comes for ${HOLDS_MS / 1_000} s, one conflates, one drops the oldest`,
    deployment: { fsync: 'everysec' },
    publishing: 'continues',
    readiness: 'stays green',
    slowSubscribers: (['conflate', 'drop-oldest'] as const).map((onSlow) => ({
      name: `subscriber with ${onSlow}`,
      subscribe: { onSlow },
      isPaced: true,
      windowBytes: WINDOW_BYTES,
    })),
    async disturb({ slow, begin }) {
      for (const watcher of slow) watcher.paceMs = PACE_MS
      begin()
      await sleep(HOLDS_MS)
      for (const watcher of slow) watcher.paceMs = 0
    },
  },
]
