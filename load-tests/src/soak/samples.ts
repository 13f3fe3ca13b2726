import { readdir } from 'node:fs/promises'
import type { Running } from '../growth/deployment.ts'
import { residentBytes, usedBytes } from '../support/memory.ts'

/** What may not grow, by name. */
export type Sample = Readonly<Record<string, number>>

const MB = 1_048_576

/** Looks at the processes of a deployment once. */
export async function takeSample({ gateway, worker, redis, workerMetricsPort }: Running): Promise<Sample> {
  return {
    ...(await sampleOf('gateway', gateway.pid, gateway.port)),
    ...(await sampleOf('worker', worker.pid, workerMetricsPort)),
    redisMb: usedBytes(await redis.info('memory')) / MB,
  }
}

async function sampleOf(name: string, pid: number, metricsPort: number): Promise<Sample> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  /** Over all labels. */
  const metric = (metricName: string) =>
    [...metrics.matchAll(new RegExp(`^${metricName}(?:{[^}]*})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    )
  return {
    [`${name}HeapMb`]: metric('nodejs_heap_size_used_bytes') / MB,
    [`${name}ResidentMb`]: (await residentBytes(pid)) / MB,
    [`${name}Handles`]: metric('nodejs_active_handles'),
    [`${name}Files`]: (await readdir(`/proc/${pid}/fd`)).length,
  }
}
