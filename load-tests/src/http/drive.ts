import autocannon from 'autocannon'
import type { Route } from './routes.ts'

export interface Driven {
  readonly perSec: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests that got no answer, or one that refuses. */
  readonly failed: number
}

export interface DriveOptions {
  readonly seconds: number
  readonly connections: number
}

/** Sends a request again as soon as it is answered, over every connection. */
export async function drive(url: string, { method, path, body }: Route, options: DriveOptions): Promise<Driven> {
  const { requests, latency, errors, timeouts, non2xx } = await autocannon({
    url: url + path,
    method,
    connections: options.connections,
    duration: options.seconds,
    ...(body !== undefined && { body, headers: { 'content-type': 'application/json' } }),
  })
  return {
    perSec: Math.round(requests.average),
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    failed: errors + timeouts + non2xx,
  }
}
