import type { Logger } from 'pino'
import { type Closable, liveUntilSignal } from './process-life.ts'

/** Time for a gateway, worker or demo to answer accepted work. Below the 10 s after which `docker stop` kills. */
export const CHILD_DRAIN_MS = 5_000

/** Runs as one process of a deployment: logs its start, and stops within `CHILD_DRAIN_MS`. */
export function liveAsChild(
  running: Closable,
  ready: { readonly port?: number; readonly metricsPort?: number },
  log: Logger,
): Promise<number> {
  log.info(ready, 'ready')
  return liveUntilSignal({
    running,
    ready,
    deadlineMs: CHILD_DRAIN_MS,
    onStopping: (reason) => log.info({ reason }, 'stopping'),
  })
}
