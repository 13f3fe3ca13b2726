import { expectKind } from './arguments.ts'
import { callBack } from './call-back.ts'

/** The application's callbacks for one kind of news. */
export class Listeners<Argument = void> {
  readonly #name: string
  readonly #listeners = new Set<(argument: Argument) => void>()

  /** @param name of the method that adds one */
  constructor(name: string) {
    this.#name = name
  }

  get size(): number {
    return this.#listeners.size
  }

  /** Returns what removes it again. @throws TypeError for what is no function */
  add(listener: (argument: Argument) => void): () => void {
    expectKind(this.#name, 'a function', listener)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  call(argument: Argument): void {
    for (const listener of this.#listeners) callBack(listener, argument)
  }

  clear(): void {
    this.#listeners.clear()
  }
}
