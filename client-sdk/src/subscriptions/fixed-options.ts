import type { SubscribeOptions } from '@tidegate/protocol'
import type { TidegateError } from '../errors/errors.ts'

/** The options of one subscription on the wire, which stay as they are. */
export class FixedOptions {
  /** The last granted ones. */
  options: SubscribeOptions
  /** What the next answer on the present connection answers. */
  protected awaiting: 'subscribe' | 'change' | 'nothing' = 'subscribe'

  constructor(options: SubscribeOptions) {
    this.options = options
  }

  /** The subscription was requested on a new connection. */
  asked(): void {
    this.awaiting = 'subscribe'
  }

  get hasChanges(): boolean {
    return false
  }

  /** Granted as they are, and nothing is asked for. */
  get isIdle(): boolean {
    return this.awaiting === 'nothing'
  }

  /** Whether the next answer on the present connection is that to a change. */
  get isAsking(): boolean {
    return this.awaiting === 'change'
  }

  granted(): void {
    this.awaiting = 'nothing'
  }

  /** The server refused a change for now. */
  askAgain(): void {}

  /** Whether the server refused only a change: the subscription continues with its options. */
  refused(_reason: TidegateError): boolean {
    return false
  }

  end(_reason: TidegateError): void {}
}
