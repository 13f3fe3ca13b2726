/** How often the clocks are looked at. */
const LOOK_MS = 5_000
/** A look that is later than this was slept through: by the machine, or by a page that was frozen. */
const LATE_MS = 2 * LOOK_MS

interface Target {
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
}

/** The parts of a page and of Node that matter here. */
interface Surroundings extends Target {
  readonly document?: Target & { readonly visibilityState?: string }
}

/**
 * Calls back when a connection may be possible again, or dead unnoticed: the network is back, the page is shown again,
 * the machine has slept. Returns what ends that; nothing of it keeps a process alive.
 */
export function watchReturns(tell: () => void): () => void {
  const page = globalThis as Surroundings
  const { document } = page
  // A hidden page reports when it is shown.
  const tellShown = () => document?.visibilityState !== 'hidden' && tell()
  const heard: readonly [Target | undefined, string, () => void][] = [
    [page, 'online', tell],
    [page, 'pageshow', tellShown],
    [document, 'visibilitychange', tellShown],
  ]
  for (const [target, type, listener] of heard) target?.addEventListener?.(type, listener)
  let before = clocks()
  const timer: unknown = setInterval(() => {
    const now = clocks()
    // While a machine sleeps, the monotonic clock may stand still.
    const isLate = now.some((time, i) => time - before[i]! > LATE_MS)
    before = now
    if (isLate) tellShown()
  }, LOOK_MS)
  // Node alone has it.
  ;(timer as { unref?(): void }).unref?.()
  return () => {
    clearInterval(timer as number)
    for (const [target, type, listener] of heard) target?.removeEventListener?.(type, listener)
  }
}

function clocks(): readonly number[] {
  return [performance.now(), Date.now()]
}
