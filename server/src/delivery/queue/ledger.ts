import type { SubscriptionLedger } from '@tidegate/protocol'
import type { ByLane } from '../wire/index.ts'

/** The fate of a matched event that no longer waits. */
export type Fate = 'delivered' | 'conflated' | 'sampled' | 'gapped'

/** Counts of the fates of a subscription's matched events. */
export type Ledger = { -readonly [Count in keyof SubscriptionLedger]: number }

/** As above, for one lane of the whole node; `queuedBytes` as they would be written. */
export interface LaneTotals extends Omit<Ledger, 'matched'> {
  queuedBytes: number
}

export type NodeTotals = ByLane<LaneTotals>

/** The waiting events of one session. */
export interface QueueLoad {
  bytes: number
  events: number
}

export function openLedger(): Ledger {
  return { matched: 0, delivered: 0, conflated: 0, sampled: 0, gapped: 0, queued: 0 }
}

export function openTotals(): NodeTotals {
  const lane = (): LaneTotals => ({ delivered: 0, conflated: 0, sampled: 0, gapped: 0, queued: 0, queuedBytes: 0 })
  return [lane(), lane(), lane()]
}

/** Enters each event of one queue into its subscription's ledger, its session's load and the node's totals alike. */
export class LaneBooks {
  readonly #ledger: Ledger
  readonly #load: QueueLoad
  readonly #totals: LaneTotals

  constructor(ledger: Ledger, load: QueueLoad, totals: LaneTotals) {
    this.#ledger = ledger
    this.#load = load
    this.#totals = totals
  }

  queued(events: number, bytes: number): void {
    this.#ledger.matched += events
    this.#wait(events, bytes)
  }

  decided(fate: Fate, events: number, bytes: number): void {
    this.#ledger[fate] += events
    this.#totals[fate] += events
    this.#wait(-events, -bytes)
  }

  /** The subscription ended with events waiting. */
  forgotten(events: number, bytes: number): void {
    this.#ledger.matched -= events
    this.#wait(-events, -bytes)
  }

  #wait(events: number, bytes: number): void {
    this.#ledger.queued += events
    this.#load.events += events
    this.#load.bytes += bytes
    this.#totals.queued += events
    this.#totals.queuedBytes += bytes
  }
}
