import { BUILT_HASH, type KnownEntry, type Log, OUTBOX_HASH, type OwnerLedger, type Ownership } from '../bus/index.ts'
import { beginAnew, PartitionWindows } from '../fold/index.ts'
import type { Hold, Leased, LoopEnd } from '../lease/index.ts'
import { CurrentExpiry } from './current-expiry.ts'
import { EntityLoader } from './entity-loader.ts'
import type { EntrySource } from './entry-source.ts'
import { Evidence } from './evidence.ts'
import type { OwnerContext } from './loop-context.ts'
import { PartitionLoop } from './partition-loop.ts'
import { PartitionMeter } from './partition-meter.ts'
import type { LoadedState, PartitionStore } from './partition-store.ts'
import { PresenceStage } from './presence-stage.ts'
import type { Trimmer } from './trimmer.ts'

/** The work of a partition's owner: its loop, each time from the stored state. */
export class PartitionOwner implements Leased {
  readonly ledger: OwnerLedger
  readonly log: Log
  readonly #context: OwnerContext
  readonly #store: PartitionStore
  readonly #source: EntrySource
  readonly #trimmer: Trimmer
  readonly #evidence = new Evidence()

  constructor(context: OwnerContext, store: PartitionStore, source: EntrySource, trimmer: Trimmer) {
    this.ledger = store.ledger
    this.log = store.log
    this.#context = context
    this.#store = store
    this.#source = source
    this.#trimmer = trimmer
  }

  /** Every partition has an owner, even where nothing is computed. */
  async isOpen(): Promise<boolean> {
    return true
  }

  async loop(ownership: Ownership, hold: Hold): Promise<LoopEnd> {
    // Before the state: everything folded into it must be read after it.
    this.#source.forget()
    const hashes = PartitionWindows.hashes(this.#context.pipeline)
    const state = await this.#load([...hashes, OUTBOX_HASH, BUILT_HASH], hold)
    const { contract } = this.#context.pipeline
    const now = () => this.#context.clock.now()
    const presence = await hold.answered(() => PresenceStage.open(this.#store, contract, now))
    const loader = new EntityLoader(this.#store, contract.entities)
    const parts = { store: this.#store, loader, source: this.#source, trimmer: this.#trimmer, evidence: this.#evidence }
    const expiry = new CurrentExpiry(this.#store, this.#context.pipeline, this.#context.partitions)
    const meter = new PartitionMeter(this.#store, hashes, this.#context.stats)
    const loop = new PartitionLoop(this.#context, { ...parts, expiry, meter, presence, ownership, hold }, state)
    const wake = () => this.#source.wake()
    hold.stopping.addEventListener('abort', wake)
    try {
      return await loop.run()
    } finally {
      hold.stopping.removeEventListener('abort', wake)
    }
  }

  evidence(): readonly KnownEntry[] {
    return this.#evidence.entries()
  }

  close(): void {
    this.#source.close()
    this.#context.stats.forget(this.#store.partition)
  }

  /** The stored state, adjusted where input was lost. */
  async #load(hashes: readonly string[], hold: Hold): Promise<LoadedState> {
    const { pipeline, stats, log } = this.#context
    const names = [...pipeline.contract.entities.keys()]
    const state = await hold.answered(() => this.#store.load(hashes, names))
    const inputs = pipeline.inputs.map(({ name }) => name)
    const lost = await hold.answered(() => this.#store.lostInputs(inputs, state.offsets))
    for (const { topic, trimmedTo } of lost) {
      stats.lostInput()
      const what = `partition ${this.#store.partition}: retention removed entries of ${topic} up to ${trimmedTo} that were not folded`
      const entities = [...new Set(pipeline.entitiesBehind(topic).map(({ name }) => name))]
      const missing = ['flows', ...entities.map((name) => `entity ${name}`)].join(', ')
      log(`${what}: windows over it begin anew behind them; missed for good by ${missing}`)
    }
    return beginAnew(pipeline, state, lost)
  }
}
