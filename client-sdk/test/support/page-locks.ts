import type { Locks } from '../../src/tabs/surroundings.ts'

interface Held {
  readonly owner: object
  take(): void
  lose(): void
}

/** `navigator.locks` of several tabs, for Node below 24: exclusive locks, `steal`, `signal`, and the end of a tab. */
export class PageLocks {
  readonly #held = new Map<string, Held>()
  readonly #waiting = new Map<string, Held[]>()

  /** As the tab sees them. @param whenAwake runs what reaches the tab, at once or later */
  of(tab: object, whenAwake: (run: () => void) => void): Locks {
    return {
      request: (name, { steal = false, signal }, whileHeld) =>
        new Promise((resolve, reject) => {
          const aborted = () => {
            this.#withdraw(name, held)
            reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))
          }
          const held: Held = {
            owner: tab,
            take: () => {
              ;(signal as AbortSignal | undefined)?.removeEventListener('abort', aborted)
              whenAwake(() => {
                void whileHeld().then(() => {
                  if (this.#held.get(name) === held) this.#pass(name)
                  resolve()
                })
              })
            },
            lose: () => whenAwake(() => reject(Object.assign(new Error('stolen'), { name: 'AbortError' }))),
          }
          if ((signal as AbortSignal | undefined)?.aborted) return aborted()
          ;(signal as AbortSignal | undefined)?.addEventListener('abort', aborted)
          const present = this.#held.get(name)
          if (present !== undefined && !steal) {
            this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), held])
            return
          }
          this.#held.set(name, held)
          present?.lose()
          queueMicrotask(() => held.take())
        }),
    }
  }

  /** The tab is gone: whatever it holds or waits for is free. */
  release(tab: object): void {
    for (const [name, waiting] of this.#waiting) {
      this.#waiting.set(
        name,
        waiting.filter(({ owner }) => owner !== tab),
      )
    }
    for (const [name, { owner }] of [...this.#held]) if (owner === tab) this.#pass(name)
  }

  #pass(name: string): void {
    const next = this.#waiting.get(name)?.shift()
    if (next === undefined) {
      this.#held.delete(name)
      return
    }
    this.#held.set(name, next)
    queueMicrotask(() => next.take())
  }

  #withdraw(name: string, held: Held): void {
    this.#waiting.set(
      name,
      (this.#waiting.get(name) ?? []).filter((one) => one !== held),
    )
  }
}
