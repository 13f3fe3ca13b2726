import type { SubscribeOptions } from '@tidegate/protocol'
import type { TidegateError } from '../errors/errors.ts'
import type { OptionChange } from './change-options.ts'
import { FixedOptions } from './fixed-options.ts'

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
export class OptionChanges extends FixedOptions {
  readonly #ask: (options: SubscribeOptions) => void
  readonly #pending: Pending[] = []

  constructor(options: SubscribeOptions, ask: (options: SubscribeOptions) => void) {
    super(options)
    this.#ask = ask
  }

  request(change: OptionChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ change, resolve, reject })
      if (this.isIdle) this.#next()
    })
  }

  override get hasChanges(): boolean {
    return this.#pending.length > 0
  }

  override granted(): void {
    if (this.isAsking) {
      const { change, resolve } = this.#pending.shift()!
      this.options = merge(this.options, change)
      resolve()
    }
    this.#next()
  }

  override askAgain(): void {
    if (this.isAsking) this.#next()
  }

  override refused(reason: TidegateError): boolean {
    if (!this.isAsking) return false
    this.#pending.shift()!.reject(reason)
    this.#next()
    return true
  }

  override end(reason: TidegateError): void {
    for (const { reject } of this.#pending.splice(0)) reject(reason)
  }

  #next(): void {
    const next = this.#pending[0]
    this.awaiting = next === undefined ? 'nothing' : 'change'
    if (next !== undefined) this.#ask(merge(this.options, next.change))
  }
}

function merge(options: SubscribeOptions, change: OptionChange): SubscribeOptions {
  // A frame does not have those that are undefined.
  return { ...options, ...change } as SubscribeOptions
}
