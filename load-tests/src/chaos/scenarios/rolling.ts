import { setTimeout as sleep } from 'node:timers/promises'
import { earlierVersionFault } from '../../support/earlier-version.ts'
import { runTidegate } from '../../support/processes.ts'
import { CONFIG, type DeploymentOptions } from '../deployment.ts'
import type { Scenario } from '../scenario.ts'

/** Between two rollouts: windows open and close. */
const BETWEEN_MS = 3_000

export const rolledToThisVersion = (name: string, options: DeploymentOptions): Scenario => ({
  name,
  about:
    'processes of an earlier version are replaced by ones of this version, one by one, and these by the earlier ones again',
  deployment: { ...options, program: 'earlier' },
  publishing: 'may fail',
  readiness: 'may turn red',
  impossible: earlierVersionFault,
  async disturb({ deployment, begin }) {
    begin()
    await deployment.roll('present')
    await sleep(BETWEEN_MS)
    await deployment.roll('earlier')
  },
})

/** The config or the version of a deployment changes under load, process by process. */
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
      await deployment.roll('next')
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
      await deployment.roll('next')
      await sleep(BETWEEN_MS)
      await runTidegate(['config', 'accept', '--config', CONFIG], deployment.redisUrl)
      await deployment.roll('present')
    },
  },
  rolledToThisVersion('rolling-version', { fsync: 'everysec' }),
]
