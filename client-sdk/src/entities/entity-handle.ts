import { parsePosition, type SubscribeOptions } from '@tidegate/protocol'
import { expectKind } from '../application/arguments.ts'
import type { TopicEvent } from '../application/contract-types.ts'
import type {
  CommandName,
  EntityMoment,
  EntityShape,
  GetOptions,
  HistoryEvent,
  HistoryOptions,
  InputOf,
  LiveState,
} from '../application/entity-types.ts'
import { Listeners } from '../application/listeners.ts'
import type { CommandAnswer, CommandOptions, UntypedAnswer } from '../commands/command-types.ts'
import type { CommandCall } from '../commands/commands.ts'
import { ENTITY_ERRORS } from '../errors/error-codes.ts'
import { clientError, TidegateError } from '../errors/errors.ts'
import type { Asks } from '../reads/read.ts'
import type { HeldSubscription } from '../subscriptions/subscription.ts'
import { getEntity, historyPages } from './entity-queries.ts'

type AnyEvent = TopicEvent<string, unknown>

/** Data of an event of `<name>.state`. */
type LiveChange<View> =
  | { readonly version: number; readonly state: View; readonly erased?: never }
  | { readonly version: number; readonly erased: true }

interface Live {
  readonly subscription: HeldSubscription<AnyEvent>
  readonly ready: Promise<void>
}

/** What a handle needs of its client. */
export interface EntityHost {
  readonly client: Asks
  command(call: CommandCall, options: CommandOptions): Promise<UntypedAnswer>
  subscribe(
    topic: string,
    options: SubscribeOptions,
    callback: (event: AnyEvent) => unknown,
  ): HeldSubscription<AnyEvent>
}

/**
 * One entity: its state as it changes, queries and commands. The first use of `ready`, `state` or `onChange` subscribes to
 * `<name>.state`, which the entity MUST publish; queries and commands need no subscription.
 */
export class EntityHandle<Shape extends EntityShape> {
  readonly name: string
  readonly key: string
  readonly #host: EntityHost
  readonly #onChange = new Listeners<LiveState<Shape['view']>>('onChange')
  readonly #onErase = new Listeners('onErase')
  #live: Live | undefined
  #state: LiveState<Shape['view']> | undefined
  /** Of the newest that was delivered. */
  #seen: { readonly version: number; readonly epoch: string } | undefined
  /** Whether the snapshot under way has shown nothing of the entity. */
  #isMissing = false
  /** Why there is no live state. */
  #failure: TidegateError | undefined
  #isClosed = false
  /** `version@epoch` of the last command of this handle that was answered. */
  #answeredAt: string | undefined

  constructor(name: string, key: string, host: EntityHost) {
    this.name = name
    this.key = key
    this.#host = host
  }

  /**
   * Resolves when `state` is that of the entity.
   *
   * @throws TidegateError `not_live` where the entity does not publish its state, `closed`, or the server's code
   */
  get ready(): Promise<void> {
    const { subscription, ready } = this.#open()
    // From now on the application hears of a refusal.
    void subscription.synced
    return ready
  }

  /**
   * The newest that is known; `undefined` before `ready`, and while the entity has no events, also once it was erased.
   *
   * @throws TidegateError once `ready` has rejected
   */
  get state(): LiveState<Shape['view']> | undefined {
    // The last known state stays after `close`.
    if (!this.#isClosed) this.#open()
    if (this.#failure !== undefined) throw this.#failure
    return this.#state
  }

  /** Calls back with every state from now on, the first one included. Returns what ends that. */
  onChange(listener: (state: LiveState<Shape['view']>) => void): () => void {
    this.#open()
    return this.#onChange.add(listener)
  }

  /** Calls back once the entity was erased: `state` is `undefined` then, and whatever is shown of it should go. */
  onErase(listener: () => void): () => void {
    this.#open()
    return this.#onErase.add(listener)
  }

  /** Calls back if the server refuses the state or ends it for good; `state` stays as it is. Returns what ends that. */
  onError(listener: (error: TidegateError) => void): () => void {
    expectKind('onError', 'a function', listener)
    return this.#open().subscription.onError((error) => listener(asOfEntity(error)))
  }

  /**
   * The entity now, at a version, or at a time. Without these it is at least what the last answered command of this handle
   * has left.
   *
   * @throws TidegateError `not_found`, `epoch_changed` once if Redis may have lost what that command did, or as `query` does
   */
  async get(options: GetOptions = {}): Promise<EntityMoment<Shape['view']>> {
    const isPast = options.version !== undefined || options.at !== undefined
    const minVersion = options.minVersion ?? (isPast ? undefined : this.#answeredAt)
    try {
      const asked = { ...options, ...(minVersion !== undefined && { minVersion }) }
      return await getEntity(this.#host.client, this.name, this.key, asked)
    } catch (error) {
      const isLost = error instanceof TidegateError && error.code === 'epoch_changed'
      if (isLost && this.#answeredAt === minVersion) this.#answeredAt = undefined
      throw error
    }
  }

  /** Its events, page by page, oldest first. @throws TidegateError `not_found`, or as `query` does */
  history(options: HistoryOptions = {}): AsyncIterable<readonly HistoryEvent<Shape['events']>[]> {
    return historyPages(this.#host.client, this.name, this.key, options) as AsyncIterable<
      readonly HistoryEvent<Shape['events']>[]
    >
  }

  /** As `command` of the client. */
  async command<Command extends CommandName<Shape>>(
    command: Command,
    input: InputOf<Shape, Command>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<Shape['events']>> {
    const { name: entity, key } = this
    const answer = await this.#host.command({ entity, key, command, input }, options)
    this.#answeredAt = newer(this.#answeredAt, answer.at)
    return answer as CommandAnswer<Shape['events']>
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Ends the subscription; commands that have no outcome yet still get it. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#onChange.clear()
    this.#onErase.clear()
    this.#live?.subscription.close()
  }

  #open(): Live {
    if (this.#live !== undefined) return this.#live
    if (this.#isClosed) throw clientError('closed')
    // A client that cannot keep up is better off with the newest state than with every one.
    const options = { keys: [this.key], snapshot: true, onSlow: 'conflate' } as const
    const subscription = this.#host.subscribe(`${this.name}.state`, options, (event) => this.#changed(event))
    subscription.onSnapshot((moment) => {
      if (moment === 'complete') return this.#isMissing ? this.#goneIn() : undefined
      this.#isMissing = true
    })
    const ready = subscription.complete.catch((error: TidegateError) => {
      this.#failure = asOfEntity(error)
      throw this.#failure
    })
    // Its rejection must not end a program that does not await it.
    ready.catch(() => {})
    this.#live = { subscription, ready }
    return this.#live
  }

  /** Returns what the next change waits for. */
  #changed({ at, data }: AnyEvent): unknown {
    const change = data as LiveChange<Shape['view']> | null
    const epoch = parsePosition(at)?.epoch
    // Other events of the topic are no state.
    if (typeof change?.version !== 'number' || epoch === undefined) return undefined
    const { version } = change
    this.#isMissing = false
    // A snapshot may be older than what was delivered before it; under another epoch versions may go back. After a change of
    // the config a version comes again with another view.
    if (this.#seen?.epoch === epoch && (this.#seen.version > version || this.#isKnown(change))) return undefined
    this.#seen = { version, epoch }
    if (change.erased === true) {
      this.#state = undefined
      return this.#onErase.call()
    }
    this.#state = { version, view: change.state }
    return this.#onChange.call(this.#state)
  }

  /** A snapshot is without the entity. */
  #goneIn(): unknown {
    this.#isMissing = false
    this.#seen = undefined
    if (this.#state === undefined) return undefined
    this.#state = undefined
    return this.#onErase.call()
  }

  #isKnown(change: LiveChange<Shape['view']>): boolean {
    if (this.#seen?.version !== change.version) return false
    if (change.erased === true || this.#state === undefined) return true
    return JSON.stringify(this.#state.view) === JSON.stringify(change.state)
  }
}

function asOfEntity(error: TidegateError): TidegateError {
  return error.code === 'unknown_topic'
    ? new TidegateError('not_live', ENTITY_ERRORS.not_live, { cause: error })
    : error
}

/** Of two `version@epoch` of an entity, where the second was answered later. */
function newer(before: string | undefined, at: string): string {
  if (before === undefined) return at
  const [version, epoch] = before.split('@')
  const [laterVersion, laterEpoch] = at.split('@')
  return epoch === laterEpoch && Number(version) > Number(laterVersion) ? before : at
}
