import { systemClock } from '../../src/clock.ts'
import { type ClientLimits, DEFAULT_SETTINGS, Limits } from '../../src/limits/index.ts'

/** Limits of a client of this machine: those of its connection alone. */
export function noLimits(): ClientLimits {
  return new Limits({ settings: DEFAULT_SETTINGS, clock: systemClock }).open({
    name: '127.0.0.1',
    isLoopback: true,
    isProxied: false,
  })
}
