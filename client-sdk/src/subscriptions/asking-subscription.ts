import { SUBSCRIPTIONS, type SubscriptionLedger } from '@tidegate/protocol'
import { expectOptions, jsonOf } from '../application/arguments.ts'
import { TidegateError } from '../errors/errors.ts'
import { ActiveSubscription, type EventCallback, type SubscriptionHost } from './active-subscription.ts'
import { CHANGE_OPTIONS, type OptionChange } from './change-options.ts'
import type { Ask } from './gap.ts'
import type { AnyEvent } from './inbox.ts'
import type { OptionChanges } from './option-changes.ts'
import type { Subscription } from './subscription.ts'
import { FATES, type Tally } from './tally.ts'
import type { WireSubscription } from './wire-subscription.ts'

/** A subscription that also asks the server: for other options, and for its account. */
export class AskingSubscription extends ActiveSubscription implements Subscription<AnyEvent> {
  readonly #ask: Ask
  /** What the server had told of the ledger when this one joined. */
  #before!: { readonly tally: Tally; readonly counts: Tally }

  constructor(ask: Ask, callback: EventCallback | undefined, isConcurrent: boolean, host: SubscriptionHost) {
    super(callback, isConcurrent, host)
    this.#ask = ask
  }

  async change(options: OptionChange): Promise<void> {
    expectOptions('change', CHANGE_OPTIONS, options)
    jsonOf('change', options)
    this.assertOpen()
    const wire = this.host.own(this)
    if (wire === undefined) throw new TidegateError('too_many_subscriptions', `at most ${SUBSCRIPTIONS} may differ`)
    // Those of this kind can change.
    return (wire.options as OptionChanges).request(options)
  }

  async ledger(): Promise<SubscriptionLedger> {
    this.assertOpen()
    const { tally, sub } = this.wire
    const before = this.#before
    const ledger = { ...((await this.#ask('ledger', { sub })).data as SubscriptionLedger) }
    // The server began to count anew: nothing of it is from before this one joined.
    if (before.tally !== tally) return ledger
    for (const fate of FATES) {
      ledger[fate] -= before.counts[fate]
      ledger.matched -= before.counts[fate]
    }
    return ledger
  }

  override readFrom(wire: WireSubscription): void {
    super.readFrom(wire)
    const { tally } = wire
    this.#before = { tally, counts: { ...tally } }
  }
}
