import { setTimeout as sleep } from 'node:timers/promises'
import { runTidegate } from '../../support/processes.ts'
import { CONFIG, type Deployment, NEXT_CONFIG } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

/** Between two rollouts: windows of the newer config open and close. */
const BETWEEN_MS = 3_000

/** Workers first, then gateways, one after the other. */
export async function roll({ workers, gateways }: Deployment, config: string): Promise<void> {
  for (const member of [...workers, ...gateways]) await member.replace(config)
}

/** The config of a deployment changes under load, process by process. */
export const ROLLING: readonly Scenario[] = [
  {
    name: 'rolling-config',
    about: 'another config with a topic, windows and an optional field more takes the place of the one that runs',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    rollout: 'stays',
    async disturb({ deployment, begin }) {
      begin()
      await roll(deployment, NEXT_CONFIG)
    },
  },
  {
    name: 'rolling-back',
    about: 'that config is rolled out and then taken back',
    deployment: { fsync: 'everysec' },
    publishing: 'may fail',
    readiness: 'may turn red',
    rollout: 'is taken back',
    async disturb({ deployment, begin }) {
      begin()
      await roll(deployment, NEXT_CONFIG)
      await sleep(BETWEEN_MS)
      await runTidegate(['config', 'accept', '--config', CONFIG], deployment.redisUrl)
      await roll(deployment, CONFIG)
    },
  },
]
