import { formatLogEpoch, PRODUCER_CHARS } from '@tidegate/protocol'
import { expectOptions, type Kind, wrong } from '../application/arguments.ts'
import { Listeners } from '../application/listeners.ts'
import { Commands } from '../commands/commands.ts'
import type { RecoveredCommand } from '../commands/recovered-command.ts'
import type { Part } from '../frames/part.ts'
import { AckedPositions } from '../publishing/acked-positions.ts'
import { DEFAULT_OUTBOX, type OutboxLimits } from '../publishing/outbox.ts'
import type { OutboxStore } from '../publishing/outbox-store.ts'
import { Publisher } from '../publishing/publisher.ts'
import { randomId } from '../random-id.ts'
import type { Core } from './core.ts'
import { createReading, type Reading } from './reading.ts'

export interface SendingOptions {
  /**
   * Identity for deduplication, random by default. A client opened later replaces every earlier one of its producer, in
   * this process or another: what those publish then is rejected as `fenced`.
   */
  readonly producer?: string
  /** Bounds of published events that are not acknowledged, and again of commands without an outcome. */
  readonly outbox?: Partial<OutboxLimits> & OutboxStoreOption
}

export interface OutboxStoreOption {
  /**
   * Keeps published events over restarts: each is stored once, in order, whatever becomes of this process or page. Then
   * `maxAgeMs` is unlimited unless it is given. The client closes its store with itself.
   */
  readonly store?: OutboxStore
}

const OUTBOX_OPTIONS: Readonly<Record<keyof OutboxLimits | keyof OutboxStoreOption, Kind>> = {
  maxFrames: 'a number',
  maxBytes: 'a number',
  maxAgeMs: 'a number',
  store: 'an object',
}

/** Of a client that also publishes and commands. */
export class Sending implements Reading {
  readonly ask: Reading['ask']
  readonly subscriptions: Reading['subscriptions']
  readonly parts: Reading['parts']
  /** The answer of a command is no longer the one it had. */
  readonly onRecovered = new Listeners<RecoveredCommand>('onRecovered')
  /** Of `parts`, as the next. */
  publisher!: Publisher
  commands!: Commands
  /** Frames of earlier runs wait. */
  isDue = false

  /** @param options unchecked until parts are made of them */
  constructor(options: SendingOptions) {
    const { ask, subscriptions, parts } = createReading()
    this.ask = ask
    this.subscriptions = subscriptions
    this.parts = (core) => [...this.#partsOf(core, options), ...parts(core)]
  }

  #partsOf(core: Core, options: SendingOptions): readonly Part[] {
    const { producer = randomId(), outbox = {} } = options
    if (producer === '' || producer.length > PRODUCER_CHARS)
      throw wrong('createClient.producer', `1 to ${PRODUCER_CHARS} characters`, producer)
    expectOptions('createClient.outbox', OUTBOX_OPTIONS, outbox)
    const {
      store,
      maxFrames = DEFAULT_OUTBOX.maxFrames,
      maxBytes = DEFAULT_OUTBOX.maxBytes,
      // Events in a store are reported when they are too old, so nothing has to be given up meanwhile.
      maxAgeMs = store === undefined ? DEFAULT_OUTBOX.maxAgeMs : Number.POSITIVE_INFINITY,
    } = outbox
    // Opening one takes a promise.
    if (store !== undefined && !store.use) throw wrong('createClient.outbox.store', 'an open store', store)
    const limits = { maxFrames, maxBytes, maxAgeMs }
    const acked = new AckedPositions()
    const publisher = new Publisher(core.connection, limits, acked, core.clock, store)
    const commands = new Commands(core.connection, limits, acked, (recovered) => this.onRecovered.call(recovered))
    this.publisher = publisher
    this.commands = commands
    const kept = store?.use({ written: () => publisher.written(), report: core.report }, options.producer) ?? []
    publisher.restore(kept)
    this.isDue = kept.length > 0
    const hello: Part['hello'] = (greeting) => {
      const kept = new Map([...commands.keptEpochs, ...publisher.keptEpochs])
      const epochs = [...kept].map(([partition, epoch]) => formatLogEpoch({ partition, epoch }))
      return {
        producer,
        ...greeting,
        ...store?.hello(greeting),
        epochs: epochs.length > 0 ? epochs : undefined,
        ...acked.hello(),
      }
    }
    return [publisher, commands, { hello }]
  }
}
