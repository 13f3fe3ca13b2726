import type { Logger } from 'pino'

/** What stops in order within a deadline. */
export interface Closable {
  close(options: { readonly deadlineMs: number }): Promise<void>
}

/** Time to answer what was accepted. Below the 10 s after which `docker stop` kills. */
const DRAIN_DEADLINE_MS = 5_000
/** `close` keeps its deadline by itself; after this much more the process ends whatever it waits for. */
const DRAIN_GRACE_MS = 1_000

/**
 * Announces that a process is ready - to its parent, when it was forked, with `{ type: 'ready', port? }` - and keeps it
 * running until SIGTERM or SIGINT, which close it in order; a second signal ends it at once. A forked process whose
 * parent is gone ends at once too: whoever restarts the parent starts new children.
 *
 * @returns the exit code.
 */
export function liveUntilSignal(running: Closable, ready: { readonly port?: number }, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    let draining = false
    const onSignal = (signal: NodeJS.Signals) => {
      if (draining) process.exit(1)
      draining = true
      log.info({ signal }, 'draining')
      setTimeout(() => process.exit(1), DRAIN_DEADLINE_MS + DRAIN_GRACE_MS).unref()
      running.close({ deadlineMs: DRAIN_DEADLINE_MS }).then(
        () => {
          log.info('stopped')
          if (process.connected) process.disconnect()
          resolve(0)
        },
        (error: unknown) => {
          log.error({ err: error }, 'did not stop in order')
          process.exit(1)
        },
      )
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    process.once('disconnect', () => {
      if (!draining) process.exit(1)
    })
    log.info(ready, 'ready')
    process.send?.({ type: 'ready', ...ready })
  })
}
