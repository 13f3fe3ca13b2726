import { setTimeout as sleep } from 'node:timers/promises'
import { noFakeClock } from '../../support/fake-clock.ts'
import type { Deployment } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const HOLDS_MS = 4_000
/** Longer than it takes a breaker to open. */
const AWAY_MS = 1_500

/** Environment of a process whose clock jumps by this much on SIGUSR2. */
function jumping(ms: number): Readonly<Record<string, string>> {
  const url = new URL('../clock-shift.js', import.meta.url)
  url.searchParams.set('ms', `${ms}`)
  return { NODE_OPTIONS: `--import ${url.href}` }
}

/**
 * The clocks of one kind of process go back by an hour, while a breaker is open and the owner of partitions is dead.
 */
const setBack = (
  whose: string,
  options: Partial<Scenario>,
  setClocks: (deployment: Deployment) => unknown,
): Scenario => ({
  name: `clock-back-${whose}`,
  about: `${whose}: clock set back by an hour while Redis cannot be reached; a worker dies just then`,
  deployment: { fsync: 'everysec', env: jumping(-HOUR_MS) },
  // Readings of a right clock would lie in the future of one that is an hour slow.
  load: { ageMs: 2 * HOUR_MS },
  publishing: 'fails',
  readiness: 'may turn red',
  ...options,
  async disturb({ deployment, random, beside, begin }) {
    const { link, workers } = deployment
    const victim = workers[Math.floor(random() * workers.length)]!
    link.blackHole()
    begin()
    await sleep(AWAY_MS)
    await victim.kill()
    await setClocks(deployment)
    link.heal()
    // Not before the other one has taken over what it had.
    beside.push(sleep(HOLDS_MS).then(() => victim.start()))
  },
})

export const CLOCK: readonly Scenario[] = [
  {
    name: 'clock-jump',
    about: `the clocks of gateways and workers jump ten minutes ahead, and back after ${HOLDS_MS / 1_000} s; not that of Redis`,
    deployment: { fsync: 'everysec', env: jumping(10 * MINUTE_MS) },
    publishing: 'continues',
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
  setBack('gateways', {}, ({ gateways }) => {
    for (const gateway of gateways) gateway.signal('SIGUSR2')
  }),
  setBack('workers', {}, ({ workers }) => {
    for (const worker of workers) if (worker.isAlive) worker.signal('SIGUSR2')
  }),
  setBack('redis', { deployment: { fsync: 'everysec', hasFakeClock: true }, impossible: noFakeClock }, ({ redis }) =>
    redis.setClock(-HOUR_MS),
  ),
]
