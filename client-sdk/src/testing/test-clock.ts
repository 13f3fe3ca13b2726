interface Alarm {
  readonly at: number
  readonly run: () => void
  readonly cancel: () => void
}

/**
 * The clock of a test server: it runs with that of the machine, or with fake timers that stand for it, and can be turned
 * ahead.
 */
export class TestClock {
  #aheadMs = 0
  readonly #alarms = new Set<Alarm>()

  /** ms since 1970. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  /** Turns this clock ahead, and does in turn what falls due. Clocks and timers of clients do not move. */
  advance(ms: number): void {
    const until = this.now() + ms
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#turnTo(next.at)
      next.cancel()
      next.run()
    }
    this.#turnTo(until)
  }

  /** Runs something later: in a microtask for 0 ms. Returns what cancels it. */
  after(ms: number, action: () => void): () => void {
    if (ms > 0) return this.#at(this.now() + ms, action)
    let isDue = true
    queueMicrotask(() => isDue && action())
    return () => {
      isDue = false
    }
  }

  /** Whether anything waits for a time. */
  get isIdle(): boolean {
    return this.#alarms.size === 0
  }

  #at(at: number, action: () => void): () => void {
    const run = () => {
      this.#alarms.delete(alarm)
      action()
    }
    const timer = setTimeout(run, at - this.now())
    const cancel = () => {
      clearTimeout(timer)
      this.#alarms.delete(alarm)
    }
    const alarm: Alarm = { at, run: action, cancel }
    this.#alarms.add(alarm)
    return cancel
  }

  #next(until: number): Alarm | undefined {
    let next: Alarm | undefined
    for (const alarm of this.#alarms) if (alarm.at <= until && (next === undefined || alarm.at < next.at)) next = alarm
    return next
  }

  #turnTo(time: number): void {
    this.#aheadMs += Math.max(0, time - this.now())
  }
}
