import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'

const HOLDS_MS = 4_000
const SHIFT = new URL('../clock-shift.js', import.meta.url).href

export const CLOCK: readonly Scenario[] = [
  {
    name: 'clock-jump',
    about: `the clocks of gateways and workers jump ten minutes ahead, and back after ${HOLDS_MS / 1_000} s; not that of Redis`,
    deployment: { fsync: 'everysec', env: { NODE_OPTIONS: `--import ${SHIFT}` } },
    publishing: 'goes on',
    readiness: 'stays green',
    async disturb({ deployment: { members }, begin }) {
      const jump = () => {
        for (const member of members) member.signal('SIGUSR2')
      }
      jump()
      begin()
      await sleep(HOLDS_MS)
      jump()
    },
  },
]
