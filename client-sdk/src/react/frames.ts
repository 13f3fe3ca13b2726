/** Browsers draw no frames of a hidden page; its title and sounds follow at this pace. */
const HIDDEN_FRAME_MS = 1_000
/** Where nothing is drawn, such as in tests. */
const NO_FRAME_MS = 16

const due = new Set<() => void>()

/** Runs it with the next animation frame, once, however often it is asked for until then. */
export function onNextFrame(run: () => void): void {
  const isAsked = due.size > 0
  due.add(run)
  if (isAsked) return
  const isDrawn = typeof requestAnimationFrame === 'function'
  const timer = setTimeout(runDue, isDrawn ? HIDDEN_FRAME_MS : NO_FRAME_MS)
  const frame = isDrawn ? requestAnimationFrame(runDue) : undefined
  function runDue(): void {
    clearTimeout(timer)
    if (frame !== undefined) cancelAnimationFrame(frame)
    const runs = [...due]
    due.clear()
    for (const run of runs) run()
  }
}
