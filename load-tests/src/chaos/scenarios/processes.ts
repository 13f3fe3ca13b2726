import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'

/** Long after others have taken over what it had. */
const ASLEEP_MS = 4_000

/** Gateways and workers that end, hang, or are replaced. The others continue, so recovery counts from the beginning. */
export const PROCESSES: readonly Scenario[] = [
  {
    name: 'worker-kill9',
    about: 'kill -9 of a worker; another starts in its place',
    deployment: { fsync: 'everysec' },
    publishing: 'continues',
    readiness: 'may turn red',
    async disturb({ deployment: { workers }, random, beside, begin }) {
      const victim = workers[Math.floor(random() * workers.length)]!
      await victim.kill()
      begin()
      beside.push(victim.start())
    },
  },
  {
    name: 'worker-sigstop',
    about: `a worker sleeps for ${ASLEEP_MS / 1_000} s, past takeover, and wakes beside the new owner`,
    deployment: { fsync: 'everysec' },
    publishing: 'continues',
    readiness: 'may turn red',
    async disturb({ deployment: { workers }, random, beside, begin }) {
      const victim = workers[Math.floor(random() * workers.length)]!
      victim.signal('SIGSTOP')
      begin()
      beside.push(sleep(ASLEEP_MS).then(() => victim.signal('SIGCONT')))
    },
  },
  {
    name: 'gateway-kill9',
    about: 'kill -9 of the gateway that the publisher is connected to; another starts in its place',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    async disturb({ deployment: { gateways }, beside, begin }) {
      const victim = gateways[0]!
      await victim.kill()
      begin()
      beside.push(victim.start())
    },
  },
  {
    name: 'rolling-restart',
    about: 'both gateways and both workers are stopped by SIGTERM and started again, one after the other',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    async disturb({ deployment: { gateways, workers }, begin }) {
      begin()
      for (const member of [...gateways, ...workers]) {
        await member.stop()
        await member.start()
      }
    },
  },
]
