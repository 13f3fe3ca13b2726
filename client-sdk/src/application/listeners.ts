import { expectKind } from './arguments.ts'
import { callBack, isPromise } from './call-back.ts'

/** The application's callbacks for one kind of news. */
export class Listeners<Argument = void> {
  readonly #name: string
  readonly #listeners = new Set<(argument: Argument) => unknown>()

  /** @param name of the method that adds one */
  constructor(name: string) {
    this.#name = name
  }

  get size(): number {
    return this.#listeners.size
  }

  /** Returns what removes it again. @throws TypeError for what is no function */
  add(listener: (argument: Argument) => unknown): () => void {
    expectKind(this.#name, 'a function', listener)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Returns a promise if one of them does: it settles when all have. */
  call(argument: Argument): Promise<unknown> | undefined {
    const pending = [...this.#listeners].map((listener) => callBack(listener, argument)).filter(isPromise)
    return pending.length === 0 ? undefined : allSettled(pending)
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** Rejects as the first of them does, once all have settled. */
async function allSettled(promises: readonly PromiseLike<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises)) if (outcome.status === 'rejected') throw outcome.reason
}
