import type { SubscribeOptions } from '@tidegate/protocol'
import type { EventOf, Selector, ShownTopic, TopicsOf } from '../application/contract-types.ts'
import type { CommandName, EntityName, EntityOf, InputOf } from '../application/entity-types.ts'
import type { TidegateClient } from '../client.ts'
import type { CommandAnswer, CommandOptions } from '../commands/command-types.ts'
import type { ConnectionStatus } from '../connection/machine/state.ts'
import type { Presence } from '../presence/presence-handle.ts'
import type { Following, Live } from './live.ts'
import type { AnyPane } from './panes.ts'

type Name<T> = keyof T & string
type Data<C, Topic extends Name<TopicsOf<C>>> = TopicsOf<C>[Topic]['data']

export interface Suspending {
  /**
   * Suspends until the first data is there, for a `<Suspense>` above. If the server refuses it before that, the error
   * is thrown, for an error boundary. On a server the fallback is rendered.
   */
  readonly suspense?: boolean
}

/** How the events of a subscription are chosen and sent. */
export type Chosen = Omit<SubscribeOptions, 'from' | 'snapshot'>

export interface EventsOptions extends SubscribeOptions, Suspending {
  /** Newest events that are kept, 100 if absent. */
  readonly limit?: number
}

export interface LatestOptions extends Chosen, Suspending {
  /** Keys that are kept, 10,000 if absent; beyond them the one that came first goes. */
  readonly limit?: number
}

export interface WindowOptions extends Chosen, Suspending {
  /** The results of one key alone. */
  readonly key?: string | undefined
  /** How far back the results begin, by the time at which they were stored: an hour if absent, `Infinity` for all. */
  readonly pastMs?: number
  /** Newest results that are kept, 1,000 if absent. */
  readonly limit?: number
}

/** Topics of which the data are results of a window. */
export type WindowTopic<C> =
  string extends Name<TopicsOf<C>>
    ? string
    : {
        [K in Name<TopicsOf<C>>]: TopicsOf<C>[K]['data'] extends { readonly start: number; readonly revision: number }
          ? K
          : never
      }[Name<TopicsOf<C>>]

/** A result of a window that was not withdrawn. */
export type PaneOf<C, Topic extends string> =
  Topic extends Name<TopicsOf<C>>
    ? unknown extends Data<C, Topic>
      ? AnyPane
      : Exclude<Data<C, Topic>, { readonly withdrawn: true }>
    : never

export interface LiveEntity<C, Entity extends EntityName<C>> extends Live<EntityOf<C, Entity>['view'] | undefined> {
  /** Of the state in `data`. */
  readonly version: number | undefined
  /** As `command` of the client, to this entity. */
  command<Command extends CommandName<EntityOf<C, Entity>>>(
    command: Command,
    input: InputOf<EntityOf<C, Entity>, Command>,
    options?: CommandOptions,
  ): Promise<CommandAnswer<EntityOf<C, Entity>['events']>>
}

export interface LivePresence extends Live<ReadonlyMap<string, Presence>> {
  /** Connections of subjects for which `data` had no room. */
  readonly unlisted: number
}

/**
 * The hooks, with the types of a contract. All follow something while their component is mounted. With equal arguments
 * they share one subscription, and new objects with the same content change nothing. A component is rendered at most once
 * per animation frame. `undefined` as selector, name or key follows nothing.
 */
export interface Hooks<C> {
  /** The client of the `<TidegateProvider>` above. */
  useClient(): TidegateClient<C>

  /** Status of the connection. */
  useStatus(): ConnectionStatus

  /** Calls back for every event, and renders only when `status`, `error` or `gap` change. The newest callback is called. */
  useSubscription<S extends Selector<TopicsOf<C>>>(
    selector: S | undefined,
    callback: (event: EventOf<TopicsOf<C>, S>) => unknown,
  ): Following
  useSubscription<S extends Selector<TopicsOf<C>>>(
    selector: S | undefined,
    options: SubscribeOptions,
    callback: (event: EventOf<TopicsOf<C>, S>) => unknown,
  ): Following
  /** The newest events, the oldest of them first. */
  useSubscription<S extends Selector<TopicsOf<C>>>(
    selector: S | undefined,
    options?: EventsOptions,
  ): Live<readonly EventOf<TopicsOf<C>, S>[]>

  /**
   * The newest event of one key. At first that of the snapshot, if the topic has snapshots: results of windows, states of
   * entities.
   */
  useLatest<Topic extends Name<TopicsOf<C>>>(
    topic: Topic | undefined,
    options: LatestOptions & { readonly key: string | undefined },
  ): Live<EventOf<TopicsOf<C>, Topic> | undefined>
  /** The newest event of every key, by key. */
  useLatest<Topic extends Name<TopicsOf<C>>>(
    topic: Topic | undefined,
    options?: LatestOptions,
  ): Live<ReadonlyMap<string, EventOf<TopicsOf<C>, Topic>>>

  /**
   * Results of a window, by their starts: those of the past, then what comes. Of every window and key it has the newest
   * revision.
   */
  useWindow<Topic extends WindowTopic<C>>(
    topic: Topic | undefined,
    options?: WindowOptions,
  ): Live<readonly PaneOf<C, Topic>[]>

  /** The state of an entity as it changes; it MUST publish its state. `data` is `undefined` while it has no events. */
  useEntity<Entity extends EntityName<C>>(
    name: Entity | undefined,
    key: string | undefined,
    options?: Suspending,
  ): LiveEntity<C, Entity>

  /** Who is subscribed to a topic with presence, by subject. */
  usePresence<Topic extends ShownTopic<TopicsOf<C>>>(topic: Topic | undefined, options?: Suspending): LivePresence
}
