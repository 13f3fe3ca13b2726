import type { PartitionReport, WorkerReport } from '../bus/index.ts'

/** In the order of their names: numbers in them count as numbers. */
export function byName<T>(reports: ReadonlyMap<string, T>): (readonly [name: string, report: T])[] {
  return [...reports].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
}

/** Who reports a partition as its own, and what it says of it. */
export function reportOf(
  partition: number,
  workers: ReadonlyMap<string, WorkerReport>,
): readonly [worker: string, report: PartitionReport] | undefined {
  for (const [worker, { partitions }] of workers) {
    const report = partitions[`${partition}`]
    if (report !== undefined) return [worker, report]
  }
  return undefined
}
