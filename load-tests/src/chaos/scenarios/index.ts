import type { Scenario } from '../scenario.ts'
import { REDIS_PROCESS } from './redis-process.ts'

export const SCENARIOS: readonly Scenario[] = [...REDIS_PROCESS]
