const CLIENT = '/client-sdk/src/'
const TESTING = '/client-sdk/src/testing/'

type Timer = ReturnType<typeof setTimeout>
type Start = (action: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => Timer

/** Counts timers that code of the client has started and that have neither fired nor been cleared. */
export class ClientTimers {
  readonly #running = new Map<unknown, string>()
  readonly #restore: () => void

  constructor() {
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis
    this.#restore = () => Object.assign(globalThis, { setTimeout, setInterval, clearTimeout, clearInterval })
    const clearing = (clear: (timer?: Timer) => void) => (timer?: Timer) => {
      this.#running.delete(timer)
      clear(timer)
    }
    Object.assign(globalThis, {
      // As Node's own: `promisify` and `unref` are theirs.
      setTimeout: Object.assign(this.#counting(setTimeout as Start, true), setTimeout),
      setInterval: this.#counting(setInterval as unknown as Start, false),
      clearTimeout: clearing(clearTimeout),
      clearInterval: clearing(clearInterval),
    })
  }

  /** Where those that still run were started. */
  get running(): readonly string[] {
    return [...this.#running.values()]
  }

  end(): void {
    this.#restore()
  }

  #counting(start: Start, isOnce: boolean): Start {
    return (action, ms, ...args) => {
      const place = callerInClient()
      if (place === undefined) return start(action, ms, ...args)
      const run = (...passed: unknown[]) => {
        if (isOnce) this.#running.delete(timer)
        action(...passed)
      }
      const timer = start(run, ms, ...args)
      this.#running.set(timer, place)
      return timer
    }
  }
}

/** The line that starts a timer, if it is one of the client. */
function callerInClient(): string | undefined {
  const line = new Error().stack?.split('\n').slice(3)[0]
  return line?.includes(CLIENT) && !line.includes(TESTING) ? line.trim() : undefined
}
