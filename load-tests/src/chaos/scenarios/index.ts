import type { Scenario } from '../scenario.ts'
import { CLOCK } from './clock.ts'
import { FAILOVER } from './failover.ts'
import { LINK } from './link.ts'
import { PROCESSES } from './processes.ts'
import { REDIS_PROCESS } from './redis-process.ts'
import { REDIS_REFUSALS } from './redis-refusals.ts'
import { SUBSCRIBERS } from './subscribers.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...REDIS_PROCESS,
  ...REDIS_REFUSALS,
  ...LINK,
  ...FAILOVER,
  ...PROCESSES,
  ...SUBSCRIBERS,
  ...CLOCK,
]
