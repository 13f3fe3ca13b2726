import { describe, expect, it } from 'vitest'
import type { GuardState } from '../../src/bus/index.ts'
import { WorkerReadiness } from '../../src/own/worker-readiness.ts'
import { WorkerStats } from '../../src/own/worker-stats.ts'

function readiness() {
  const now = { monotonic: 100_000, redis: 50_000, heardAt: undefined as number | undefined }
  const breakers: GuardState[] = []
  const stats = new WorkerStats(() => ({ now: () => now.redis }))
  const reported = new WorkerReadiness({
    stats,
    breakers: () => breakers,
    heardAt: () => now.heardAt,
    monotonic: () => now.monotonic,
  })
  return { now, breakers, stats, reported }
}

describe('worker readiness', () => {
  it('OPS-READY-1 is red until Redis takes a heartbeat, and when it takes none for 3 s', () => {
    const { now, reported } = readiness()
    expect(reported.report()).toMatchObject({ ready: false, red: [{ part: 'redis' }] })
    now.heardAt = now.monotonic
    expect(reported.report()).toMatchObject({ ready: true, red: [] })
    now.monotonic += 2_900
    expect(reported.report().ready).toBe(true)
    now.monotonic += 200
    expect(reported.report().red).toEqual([
      { part: 'redis', why: 'Redis has taken no heartbeat of this worker for 3100 ms' },
    ])
  })

  it('OPS-READY-1 is red while a breaker is open or half open, and before it stops', () => {
    const { now, breakers, reported } = readiness()
    now.heardAt = now.monotonic
    for (const state of ['open', 'half_open'] as const) {
      breakers.splice(0, 1, { class: 'commit', state, since: 0, retryAfterMs: 0 })
      expect(reported.report()).toMatchObject({ ready: false, red: [{ part: 'breaker', class: 'commit' }] })
    }
    breakers.splice(0, 1, { class: 'commit', state: 'closed', since: 0, retryAfterMs: 0 })
    expect(reported.report().ready).toBe(true)
    reported.drain()
    expect(reported.report()).toMatchObject({ ready: false, red: [{ part: 'draining' }] })
  })

  it('OPS-READY-1 M-LAG-1 M-LAG-3 says how far each partition is behind, as it is when asked', () => {
    const { now, stats, reported } = readiness()
    const sources = [{ window: 'a.fleet', source: 'stuck', behindMs: 9_000 }]
    stats.read(3, { topic: 'a', epoch: 'e', streamId: '48000-0' } as never)
    stats.waitsFor(3, { sources, watermarks: new Map([['a.fleet', 45_000]]) })
    stats.waits(3, 12)
    now.redis += 1_000
    expect(reported.report().partitions).toEqual([
      { partition: 3, lagMs: 3_000, lagEntries: 12, slowestSources: sources },
    ])
    expect(stats.partitions().get(3)?.watermarkDelaysMs).toEqual(new Map([['a.fleet', 6_000]]))
    stats.caughtUp(3)
    stats.waitsFor(3, { sources: [], watermarks: new Map([['a.fleet', Number.POSITIVE_INFINITY]]) })
    expect(stats.partitions().get(3)).toMatchObject({ lagMs: 0, watermarkDelaysMs: new Map([['a.fleet', 0]]) })
  })
})
