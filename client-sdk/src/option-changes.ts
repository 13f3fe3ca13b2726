import type { SubscribeOptions } from '@tidegate/protocol'
import type { TidegateError } from './errors.ts'

/** Options of an open subscription that may change; `undefined` removes one. Its topic and its position stay. */
export type OptionChange = {
  readonly [Option in Exclude<keyof SubscribeOptions, 'from' | 'snapshot'>]?: SubscribeOptions[Option] | undefined
}

/** The options of a subscription that may change; the server checks their values. */
export const CHANGE_OPTIONS: Readonly<Record<keyof OptionChange, null>> = {
  keys: null,
  where: null,
  lanes: null,
  batch: null,
  onSlow: null,
  maxRate: null,
  state: null,
}

interface Pending {
  readonly change: OptionChange
  resolve(): void
  reject(reason: TidegateError): void
}

/**
 * The options of one subscription, and changes that the server has not granted yet. One change is requested at a time,
 * so that every answer belongs to the oldest; changes left unanswered by a lost connection are requested again on the
 * next.
 */
export class OptionChanges {
  readonly #ask: (options: SubscribeOptions) => void
  readonly #pending: Pending[] = []
  #options: SubscribeOptions
  /** What the next answer on the present connection answers. */
  #awaiting: 'subscribe' | 'change' | 'nothing' = 'subscribe'

  constructor(options: SubscribeOptions, ask: (options: SubscribeOptions) => void) {
    this.#options = options
    this.#ask = ask
  }

  /** The last granted options. */
  get options(): SubscribeOptions {
    return this.#options
  }

  request(change: OptionChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ change, resolve, reject })
      if (this.#awaiting === 'nothing') this.#next()
    })
  }

  /** The subscription was requested on a new connection. */
  asked(): void {
    this.#awaiting = 'subscribe'
  }

  get hasChanges(): boolean {
    return this.#pending.length > 0
  }

  /** Whether nothing is asked for. */
  get isIdle(): boolean {
    return this.#awaiting === 'nothing'
  }

  /** Whether the next answer on the present connection is that to a change. */
  get isAsking(): boolean {
    return this.#awaiting === 'change'
  }

  granted(): void {
    if (this.#awaiting === 'change') {
      const { change, resolve } = this.#pending.shift()!
      this.#options = merge(this.#options, change)
      resolve()
    }
    this.#next()
  }

  /** The server refused a change for now. */
  askAgain(): void {
    if (this.isAsking) this.#next()
  }

  /** Whether the server refused only a change: the subscription continues with its options. */
  refused(reason: TidegateError): boolean {
    if (!this.isAsking) return false
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
