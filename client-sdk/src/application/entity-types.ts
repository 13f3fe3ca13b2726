import type { Abortable } from './abort-signal.ts'

/** What a client knows of one entity of a contract. */
export interface EntityShape {
  readonly view: unknown
  readonly events: { readonly type: string; readonly data: unknown }
  /** Command -> its input. */
  readonly commands: object
  readonly rejections: string
  readonly indexes: string
}

type Entities = Readonly<Record<string, EntityShape>>

interface AnyEntity extends EntityShape {
  readonly commands: Readonly<Record<string, object>>
}

/** Entities of a config made by `defineConfig`, or any entity at all for a client without one. */
export type EntitiesOf<C> = C extends { readonly '~entities': infer E extends Entities }
  ? E
  : Readonly<Record<string, AnyEntity>>

export type EntityName<C> = keyof EntitiesOf<C> & string
export type EntityOf<C, Name extends EntityName<C>> = EntitiesOf<C>[Name]
/** A condition around the union has the compiler show its members in errors. */
export type CommandName<Shape extends EntityShape> = keyof Shape['commands'] extends infer K ? K & string : never
export type InputOf<Shape extends EntityShape, Command extends CommandName<Shape>> = Shape['commands'][Command &
  keyof Shape['commands']]

type AnyEvent = EntityShape['events']

/** An event that a command led to: a union discriminated by `type`. */
export type AnsweredEvent<Event extends AnyEvent> = Event extends AnyEvent
  ? {
      readonly type: Event['type']
      /** What the entity shows of it: absent where it has a `view` and no `public`. */
      readonly data?: Event['data']
    }
  : never

/** One line of an entity's history. */
export type HistoryEvent<Event extends AnyEvent> = AnsweredEvent<Event> & {
  /** Of the entity with this event. */
  readonly version: number
  /** ms since 1970. */
  readonly time: number
  /** The command that it follows from. */
  readonly commandId: string
  /** The event that the command follows from; absent where a client sent it, and where the entity has a `view`. */
  readonly cause?: { readonly entity: string; readonly key: string; readonly version: number }
  /** Who sent the command; absent where nobody was asked, and where the entity has a `view`. */
  readonly by?: { readonly subject: string; readonly claims?: Readonly<Record<string, unknown>> }
  /** Version of the entity's declaration under which it was decided. */
  readonly definition: number
  /** Instead of `data`: that code of the application failed on them, and under which id the log of the gateway has the cause. */
  readonly failed?: string
}

/** The newest that is known of an entity. */
export interface LiveState<View> {
  readonly version: number
  readonly view: View
}

/** An entity at one of its versions. */
export interface EntityMoment<View> extends LiveState<View> {
  readonly key: string
  readonly epoch: string
  /** `version@epoch`, as `expectedVersion` of a command. */
  readonly at: string
  /** Of its newest event, ms since 1970. */
  readonly time: number
}

/** An entity that was found and cannot be shown. */
export interface FailedEntity {
  readonly key: string
  /** That code of the application failed on it, and under which id the log of the gateway has the cause. */
  readonly failed: string
}

/** Entities that were found together. */
export type FoundPage<View> = readonly EntityMoment<View>[] & {
  /** Others that have the value as well. */
  readonly failed: readonly FailedEntity[]
}

export interface GetOptions extends Abortable {
  /** With the events up to this version. */
  readonly version?: number
  /** With the events up to this time, ms since 1970. Not together with `version`. */
  readonly at?: number
  /** Waits up to 2 s for this version; `version@epoch`, or a number. */
  readonly minVersion?: number | string
}

export interface HistoryOptions extends Abortable {
  /** Events after this version. */
  readonly after?: number
  /** Events of a page, at most 1,000. */
  readonly limit?: number
}

export interface FindOptions extends Abortable {
  /** Entities of a page, at most 100. */
  readonly limit?: number
}
