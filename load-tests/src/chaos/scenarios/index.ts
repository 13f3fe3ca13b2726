import type { Scenario } from '../scenario.ts'
import { CLOCK } from './clock.ts'
import { CLUSTER } from './cluster.ts'
import { EVERYTHING } from './everything.ts'
import { FAILOVER } from './failover.ts'
import { GROWTH } from './growth.ts'
import { LINK } from './link.ts'
import { PROCESSES } from './processes.ts'
import { REDIS_PROCESS } from './redis-process.ts'
import { REDIS_REFUSALS } from './redis-refusals.ts'
import { REDIS_TORN } from './redis-torn.ts'
import { ROLLING } from './rolling.ts'
import { SENTINEL } from './sentinel.ts'
import { SUBSCRIBERS } from './subscribers.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...REDIS_PROCESS,
  ...REDIS_TORN,
  ...EVERYTHING,
  ...REDIS_REFUSALS,
  ...LINK,
  ...FAILOVER,
  ...SENTINEL,
  ...CLUSTER,
  ...PROCESSES,
  ...ROLLING,
  ...GROWTH,
  ...SUBSCRIBERS,
  ...CLOCK,
]
