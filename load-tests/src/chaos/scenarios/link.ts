import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'

const HOLDS_MS = 4_000
const DELAY_MS = 25
const JITTER_MS = 25

/** The network between gateways and workers, and Redis. */
export const LINK: readonly Scenario[] = [
  {
    name: 'link-blackhole',
    about: `nothing passes between Redis and the others for ${HOLDS_MS / 1_000} s, then everything that waited does`,
    deployment: { fsync: 'everysec' },
    publishing: 'fails',
    readiness: 'turns red',
    async disturb({ deployment: { link }, begin }) {
      link.blackHole()
      begin()
      await sleep(HOLDS_MS)
      link.heal()
    },
  },
  {
    name: 'link-latency',
    about: `everything takes ${DELAY_MS} to ${DELAY_MS + JITTER_MS} ms longer in either direction for ${HOLDS_MS / 1_000} s`,
    deployment: { fsync: 'everysec' },
    publishing: 'continues',
    readiness: 'stays green',
    async disturb({ deployment: { link }, begin }) {
      link.slow(DELAY_MS, JITTER_MS)
      begin()
      await sleep(HOLDS_MS)
      link.slow(0, 0)
    },
  },
]
