/** A service that stops in order within a deadline. */
export interface Closable {
  /** Resolves with why it has to be closed, if it has to. */
  readonly failed?: Promise<Error>
  close(options: { readonly deadlineMs: number }): Promise<void>
}

export interface Life {
  readonly running: Closable
  /** Sent to the parent of a forked process, as `{ type: 'ready', port?, metricsPort? }`. */
  readonly ready: { readonly port?: number; readonly metricsPort?: number }
  /** Time for `close`. */
  readonly deadlineMs: number
  /** Closing begins, and why. */
  readonly onStopping: (reason: string) => void
  /** Resolves with the reason when the process should end by itself. */
  readonly orphaned?: Promise<string>
}

/** `close` keeps its deadline by itself; this much later the process ends in any case. */
const GRACE_MS = 1_000

/** How often a forked process shows its parent that its event loop runs. */
const ALIVE_MS = 1_000

/**
 * Ctrl-C in a terminal reaches a script of npm twice: from the terminal, and passed on by npm. Signals this close
 * together are one.
 */
const SAME_SIGNAL_MS = 1_000

/** They stop a process in order. */
export const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs a start that SIGTERM, SIGINT, SIGHUP or `orphaned` aborts: then `stopped` is aborted, and `start` MUST stop what
 * it has started and reject. A second signal ends the process at once.
 *
 * @returns the result of `start`; `undefined` when it was aborted.
 */
export async function startUntilSignal<T>(
  start: (stopped: AbortSignal) => Promise<T>,
  { onStopping, orphaned }: Pick<Life, 'onStopping' | 'orphaned'>,
): Promise<T | undefined> {
  const controller = new AbortController()
  let abortedAt = 0
  const stop = (reason: string) => {
    if (controller.signal.aborted) return
    abortedAt = performance.now()
    onStopping(reason)
    controller.abort(new Error(`stopped at its start (${reason})`))
  }
  const onSignal = (signal: string) => {
    if (controller.signal.aborted && performance.now() - abortedAt > SAME_SIGNAL_MS) process.exit(1)
    stop(signal)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  void orphaned?.then(stop)
  try {
    return await start(controller.signal)
  } catch (error) {
    if (controller.signal.aborted) return undefined
    throw error
  } finally {
    // In the same turn `liveUntilSignal` takes over the signals.
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
}

/** A forked process that is still starting ends with its parent: nobody else would end it. */
export function startWithParent(): void {
  if (process.send === undefined) return
  process.once('disconnect', () => process.exit(1))
  if (!process.connected) process.exit(1)
}

/**
 * Announces that the process is ready and keeps it running until SIGTERM, SIGINT or SIGHUP, which close it in order; a
 * second signal ends it at once. A forked process sends `{ type: 'alive' }` to its parent every second, and ends at
 * once when its parent is gone: whoever restarts the parent starts new children.
 *
 * @returns the exit code. @throws why the service had to be closed
 */
export function liveUntilSignal({ running, ready, deadlineMs, onStopping, orphaned }: Life): Promise<number> {
  return new Promise((resolve, reject) => {
    let stoppingSince: number | undefined
    const stop = (reason: string, end = () => resolve(0)) => {
      stoppingSince = performance.now()
      onStopping(reason)
      setTimeout(() => process.exit(1), deadlineMs + GRACE_MS).unref()
      running.close({ deadlineMs }).then(end, reject)
    }
    const onSignal = (signal: string) => {
      if (stoppingSince === undefined) stop(signal)
      else if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1)
    }
    for (const signal of SIGNALS) process.on(signal, onSignal)
    void orphaned?.then((reason) => {
      if (stoppingSince === undefined) stop(reason)
    })
    void running.failed?.then((error) => {
      if (stoppingSince === undefined) stop(error.message, () => reject(error))
    })
    if (process.send === undefined) return
    process.once('disconnect', () => process.exit(1))
    // The parent may have died during the start, before anybody listened for it.
    if (!process.connected) process.exit(1)
    const tell = (message: object) => process.connected && process.send!(message, gone)
    tell({ type: 'ready', ...ready })
    setInterval(() => tell({ type: 'alive' }), ALIVE_MS).unref()
  })
}

/** If the parent ends before it reads, the disconnect handles it; without a callback the process would end by EPIPE. */
function gone(): void {}
