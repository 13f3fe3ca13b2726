import type { SubscribeOptions } from '@tidegate/protocol'
import type { TidegateError } from './errors.ts'

/** Options of an open subscription that may change; `undefined` takes one off. Its topic and its place stay. */
export type OptionChange = {
  readonly [Option in Exclude<keyof SubscribeOptions, 'from' | 'snapshot'>]?: SubscribeOptions[Option] | undefined
}

interface Pending {
  readonly change: OptionChange
  resolve(): void
  reject(reason: TidegateError): void
}

/**
 * The options of one subscription, and changes of them that the server has not granted yet. One is asked for at a time, so
 * that every answer is that of the oldest; what a lost connection left unanswered is asked for again on the next.
 */
export class OptionChanges {
  readonly #ask: (options: SubscribeOptions) => void
  readonly #pending: Pending[] = []
  #options: SubscribeOptions
  /** What the next answer on the present connection is to. */
  #awaiting: 'subscribe' | 'change' | 'nothing' = 'subscribe'

  constructor(options: SubscribeOptions, ask: (options: SubscribeOptions) => void) {
    this.#options = options
    this.#ask = ask
  }

  /** As granted last. */
  get options(): SubscribeOptions {
    return this.#options
  }

  request(change: OptionChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ change, resolve, reject })
      if (this.#awaiting === 'nothing') this.#next()
    })
  }

  /** The subscription was asked for, on a new connection. */
  asked(): void {
    this.#awaiting = 'subscribe'
  }

  granted(): void {
    if (this.#awaiting === 'change') {
      const { change, resolve } = this.#pending.shift()!
      this.#options = merge(this.#options, change)
      resolve()
    }
    this.#next()
  }

  /** Whether it was a change that the server refused: the subscription goes on as it was. */
  refused(reason: TidegateError): boolean {
    if (this.#awaiting !== 'change') return false
    this.#pending.shift()!.reject(reason)
    this.#next()
    return true
  }

  end(reason: TidegateError): void {
    for (const { reject } of this.#pending.splice(0)) reject(reason)
  }

  #next(): void {
    const next = this.#pending[0]
    this.#awaiting = next === undefined ? 'nothing' : 'change'
    if (next !== undefined) this.#ask(merge(this.#options, next.change))
  }
}

function merge(options: SubscribeOptions, change: OptionChange): SubscribeOptions {
  return Object.fromEntries(Object.entries({ ...options, ...change }).filter(([, value]) => value !== undefined))
}
