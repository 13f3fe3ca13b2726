import type { BreakerLimits } from '../../bus/index.ts'
import type { Settings } from '../../config/settings/settings.ts'

export function breakerLimits({ breakerFailures, breakerPercent, breakerResetMs }: Settings): BreakerLimits {
  return { failures: breakerFailures, failureShare: breakerPercent / 100, resetMs: breakerResetMs }
}
