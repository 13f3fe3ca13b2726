import { askModule } from './processes.ts'

export interface RequesterOptions {
  readonly port: number
  /** Requested in turn. */
  readonly paths: readonly string[]
  readonly connections: number
  readonly perSec: number
  readonly warmupMs: number
  readonly measureMs: number
}

export interface RequesterReport {
  readonly perSec: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * GET requests at an even rate, from a process of their own. autocannon would send what is due in a second at its
 * beginning and as fast as it can: latency of a burst, whatever the rate.
 */
export function requestEvenly(options: RequesterOptions): Promise<RequesterReport> {
  return askModule(new URL('./requester.ts', import.meta.url), options)
}
