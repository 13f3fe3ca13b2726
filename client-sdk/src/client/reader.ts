import { ABORTABLE, type Abortable } from '../application/abort-signal.ts'
import { expectOptions, jsonOf } from '../application/arguments.ts'
import type { EventOf, Selector, TopicsOf } from '../application/contract-types.ts'
import type { QueryPage } from '../reads/queries.ts'
import type { SubscribeOptions } from '../subscriptions/subscribe-options.ts'
import type { Subscription } from '../subscriptions/subscription.ts'
import { CONNECT_OPTIONS, type ConnectOptions, Core } from './core.ts'
import { createReading, type Reading } from './reading.ts'
import { Subscriber } from './subscriber.ts'

/** A client of one Tidegate deployment that subscribes and asks. */
export class Reader<C = unknown> extends Subscriber<C> {
  readonly #reading: Reading

  /** @param reading the kind of the client that `core` was made for */
  constructor(core: Core, reading: Reading) {
    super(core)
    this.#reading = reading
  }

  override subscribe<S extends Selector<TopicsOf<C>>>(
    selector: S,
    optionsOrCallback?: SubscribeOptions | ((event: EventOf<TopicsOf<C>, S>) => unknown),
    callback?: (event: EventOf<TopicsOf<C>, S>) => unknown,
  ): Subscription<EventOf<TopicsOf<C>, S>> {
    // Those of this kind ask, too.
    return super.subscribe(selector, optionsOrCallback, callback) as Subscription<EventOf<TopicsOf<C>, S>>
  }

  /**
   * Runs a query (`topics`, `window`, `history`, `gap`, `entity`, `entityHistory`, `findEntities`), waiting for a
   * connection if need be.
   *
   * @throws TidegateError `no_answer` after 10 s, `closed`, or the server's code.
   */
  async query(name: string, params: Readonly<Record<string, unknown>> = {}, options: Abortable = {}): Promise<unknown> {
    return (await this.queryPage(name, params, options)).data
  }

  /** As `query`, for paged answers: includes the `after` of the next page. */
  async queryPage(
    name: string,
    params: Readonly<Record<string, unknown>> = {},
    options: Abortable = {},
  ): Promise<QueryPage> {
    jsonOf('query', params)
    expectOptions('query', ABORTABLE, options)
    return this.#reading.ask(name, params, options.signal)
  }
}

/** Opens a client that subscribes and asks. With `createReader<typeof config>` it knows the topics of that config. */
export function createReader<C = unknown>(options: ConnectOptions): Reader<C> {
  const reading = createReading()
  return new Reader<C>(new Core('createReader', CONNECT_OPTIONS, options, reading), reading)
}
