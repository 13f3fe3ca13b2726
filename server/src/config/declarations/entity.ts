import type { ZodType, z } from 'zod'
import type { PositiveDuration } from '../duration.ts'
import { callPlace } from './call-place.ts'
import type { EntityDeclaration } from './entity-declaration.ts'
import type { AnyTopic, TopicEntry } from './topic.ts'

/** A zod schema of objects; see `ObjectSchema` of topics. */
interface ObjectSchema {
  readonly _zod: { readonly output: object }
}

type EventSchemas = Readonly<Record<string, ObjectSchema>>

/** One event of an entity, by its type. */
export type EventOf<Events extends EventSchemas> = {
  readonly [Type in keyof Events & string]: { readonly type: Type; readonly data: z.output<Events[Type]> }
}[keyof Events & string]

/** A command that changes nothing, and why. Made by `reject`. */
export interface Rejection<Code extends string> {
  readonly rejected: Code
  readonly message: string
}

/** What a command answers beside its events. Made by `reply`. */
export interface Reply<Event, Data> {
  readonly reply: Data
  readonly events: readonly Event[]
}

/** Refuses a command. The code is one of the entity's `rejections`; the message is for people. */
export function reject<const Code extends string>(code: Code, message: string): Rejection<Code> {
  return { rejected: code, message }
}

/** Answers a command with data, and with the events that follow from it. */
export function reply<const Data, const Event = never>(data: Data, events: readonly Event[] = []): Reply<Event, Data> {
  return { reply: data, events }
}

/** What a handler may know beside state and input: nothing that would differ if it ran again. */
export interface CommandContext {
  readonly key: string
  /** Events of the entity so far; none again once it was erased. */
  readonly version: number
  /** When the command was stored, ms since 1970 by Redis' clock. */
  readonly now: number
  readonly commandId: string
  /** Who sent it: `anonymous` where nobody is asked, `system:<entity>` for a reaction. */
  readonly caller: CommandCaller
  /** The event that the command follows from; absent where a client sent it. */
  readonly cause?: ReactionCause
  /** A new id, the same each time the command is run. It follows from `commandId`, which others see: it is no secret. */
  id(): string
}

export interface CommandCaller {
  readonly subject: string
  /** Claims of its token, those that `access.claims` of the config lists. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The event of an entity that a command follows from. */
export interface ReactionCause {
  /** As whom the command is run: `system:<entity>`. */
  readonly by: string
  readonly entity: string
  readonly key: string
  readonly type: string
  /** Of that entity with the event. */
  readonly version: number
  /** The command that the event follows from. */
  readonly commandId: string
}

/** A command that follows from an event. Made by `command`. */
export interface Reaction<Entity extends string, Command extends string, Input extends object> {
  readonly entity: Entity
  readonly key: string
  readonly command: Command
  readonly input: Input
}

type AnyReaction = Reaction<string, string, object>

/** A command to an entity, in `then`. `defineConfig` refuses one that no entity has. */
export function command<const Entity extends string, const Command extends string, Input extends object>(
  entity: Entity,
  key: string,
  command: Command,
  input: Input,
): Reaction<Entity, Command, Input> {
  return { entity, key, command, input }
}

/** What became of a command that followed from an event. */
export interface ReactionOutcome {
  /** Of the command. */
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly result:
    | { readonly status: 'done'; readonly version: number; readonly reply?: unknown }
    | { readonly status: 'rejected'; readonly code: string; readonly message: string }
}

/** What `then` may know beside the event. */
export interface ThenContext {
  /** Of the entity. */
  readonly key: string
  /** The command that the event follows from, or what stands for an event of a topic. */
  readonly commandId: string
}

/** An event of an entity by its name for `then`: `<name>.<type>`. */
type NamedEvent<Name extends string, Events extends EventSchemas, Event> = Event extends `${Name}.${infer Type}`
  ? Type extends keyof Events
    ? {
        readonly type: Type
        readonly data: z.output<Events[Type]>
        /** Of the entity with this event. */
        readonly version: number
        /** Of the event, ms since 1970. */
        readonly time: number
      }
    : never
  : never

/** The same while an event is folded. */
export interface EventContext {
  readonly key: string
  /** Of the entity with this event. */
  readonly version: number
  /** Of the event, ms since 1970. */
  readonly time: number
}

/** What an entity may know beside its state and an event of a topic: nothing that would differ if it ran again. */
export interface TopicContext {
  readonly key: string
  /** Events of the entity so far; none again once it was erased. */
  readonly version: number
  /** When the event was stored, ms since 1970 by Redis' clock. */
  readonly now: number
  /** A new id, the same each time the event is folded. */
  id(): string
}

/** An event of a topic that an entity folds. */
export interface TopicEvent<Name extends string, Data> {
  readonly topic: Name
  readonly id: string
  readonly key: string
  /** Of the event, ms since 1970. */
  readonly time: number
  readonly source?: string
  readonly data: Data
}

/** Name -> data of some topics. */
type DataOf<Topics extends AnyTopic> = {
  readonly [Entry in Topics['~entries'] as Entry['name']]: Entry['data']
}

/** How much of its past an entity keeps: so many events, or those of so long. */
export type History = number | PositiveDuration

type CommandSender = 'client' | 'reaction' | 'both'

interface CommandOptions<State, Input extends ObjectSchema, Events extends EventSchemas, Code extends string> {
  /** Who may send it: clients, `then` of entities, or both, which is the default. */
  readonly by?: CommandSender
  /** What a command carries: a zod object. One that does not fit is rejected as `invalid_input`. */
  readonly input: Input
  /** The events that the command leads to, or why it is refused. Pure and synchronous. */
  decide(
    state: State,
    input: z.output<Input>,
    context: CommandContext,
  ): readonly EventOf<Events>[] | Rejection<Code> | Reply<EventOf<Events>, unknown>
}

export interface EntityOptions<
  Name extends string,
  State extends object,
  Events extends EventSchemas,
  Inputs extends Readonly<Record<string, ObjectSchema>>,
  Code extends string,
  View,
  Index extends string,
  Live extends LiveTopic,
  Folded extends AnyTopic = never,
  Made extends Readonly<Record<string, AnyReaction>> = Record<never, never>,
  Shown = unknown,
  Senders extends Readonly<Record<string, unknown>> = Record<string, unknown>,
> {
  /** What the key is called, for people and queries. */
  readonly key: string
  /** Stands for `evolve`, `upcast` and the shape of the state: raise it whenever one of them changes, and states are folded anew. */
  readonly version: number
  /** Its type is that of the state. It does not change in place: arrays in it are `readonly`. */
  readonly state: { readonly initial: State }
  /** Type -> what events of it carry, a zod object. */
  readonly events: Events
  /** The state after an event. Pure and synchronous; MUST return a new state rather than change the one it is given. */
  readonly evolve: {
    readonly [Type in keyof Events]: (state: State, data: z.output<Events[Type]>, context: EventContext) => State
  }
  /** Codes that commands may be refused with. */
  readonly rejections?: readonly Code[]
  /** Name -> what the command carries and how it is decided. */
  readonly commands: {
    readonly [Name in keyof Inputs]: CommandOptions<NoInfer<State>, Inputs[Name], Events, NoInfer<Code>>
  } & {
    // Only to learn `by` of each; the rest is there so that it does not count as one too many.
    readonly [Name in keyof Senders]: { readonly by?: Senders[Name]; readonly input: unknown; readonly decide: unknown }
  }
  /** Topics that it folds: such that clients publish to and flows over them, whose key is called as that of the entity. */
  readonly from?: readonly Folded[]
  /** What it decides on an event of each. Pure and synchronous, as `decide`. */
  readonly on?: {
    readonly [Topic in keyof DataOf<Folded>]: (
      state: NoInfer<State>,
      event: TopicEvent<Topic & string, DataOf<Folded>[Topic]>,
      context: TopicContext,
    ) => readonly EventOf<Events>[]
  }
  /** The commands to this and other entities that follow from an event: each is run once. Pure and synchronous, as `decide`. */
  readonly then?: {
    readonly [Event in keyof Made]: (
      event: NamedEvent<Name, Events, Event>,
      context: ThenContext,
    ) => readonly Made[Event][]
  }
  /** What it decides on the outcome of each, whatever that is: at least one event. Pure and synchronous, as `decide`. */
  readonly outcome?: (
    state: NoInfer<State>,
    outcome: ReactionOutcome,
    context: CommandContext,
  ) => readonly [EventOf<Events>, ...EventOf<Events>[]]
  /** What queries and subscribers see; absent: the state itself. */
  readonly view?: (state: State) => View
  /**
   * What answers, history and `<name>.events` show of an event's data; `undefined`: only its type. Absent: everything, or
   * nothing where there is a `view`. Pure and synchronous.
   */
  readonly public?: (event: EventOf<Events>) => Shown
  /** Values to find entities by; `undefined` for none. */
  readonly indexes?: { readonly [Name in Index]: (state: NoInfer<State>) => string | undefined }
  /** How much of its past it keeps at least, and twice as much at most; absent: all of it. An entity that folds topics MUST say it. */
  readonly history?: History
  /** The state as of an earlier version, where the events before it are gone: MUST be there from version 2 on if there is a history. */
  // biome-ignore lint/suspicious/noExplicitAny: what was stored once has no type any more
  readonly migrate?: (state: any, from: number) => State
  /** Topics that others may follow: `<name>.state` holds the view as of each commit, `<name>.events` every event. */
  readonly publish?: readonly Live[]
  /** Events stored under an earlier version: type -> that version -> data as the next version has it. */
  readonly upcast?: {
    // biome-ignore lint/suspicious/noExplicitAny: what was stored once has no type any more
    readonly [Type in keyof Events]?: Readonly<Record<number, (data: any) => any>>
  }
}

export type LiveTopic = 'state' | 'events'

/** Data of an event of `<name>.state`. */
export type EntityState<View> =
  | { readonly version: number; readonly state: View; readonly erased?: never }
  /** Nothing is left of it: what was told of it before is to be forgotten. */
  | { readonly version: number; readonly erased: true; readonly state?: never }

/** Data of an event of `<name>.events`. */
export type EntityEvent<Event extends { readonly type: string; readonly data: unknown }> = Event extends unknown
  ? {
      readonly type: Event['type']
      /** Of the entity with this event. */
      readonly version: number
      readonly commandId: string
      /** What `public` returns; absent where it returns nothing, or the entity has a `view` and no `public`. */
      readonly data?: Event['data']
    }
  : never

/** Stands for the result of a `public` that is not declared. */
interface AsDecided {
  readonly '~asDecided': never
}

/** An event with the data that others see. */
type ShownEvent<Event extends { readonly type: string; readonly data: unknown }, Shown> = [Shown] extends [AsDecided]
  ? Event
  : {
      readonly [Type in Event['type']]: { readonly type: Type; readonly data: Exclude<Shown, undefined> }
    }[Event['type']]

type LiveEntry<
  Name extends string,
  Live extends LiveTopic,
  View,
  Event extends { readonly type: string; readonly data: unknown },
> = {
  readonly [Topic in Live]: {
    readonly name: `${Name}.${Topic}`
    readonly data: Topic extends 'state' ? EntityState<View> : EntityEvent<Event>
    readonly publishable: false
  }
}[Live]

/** What a client may know of one entity. */
export interface EntityEntry {
  readonly name: string
  readonly view: unknown
  readonly events: { readonly type: string; readonly data: unknown }
  /** Command -> its input, of those that clients may send. */
  readonly commands: object
  /** The same of those that reactions may send. */
  readonly reacting: object
  readonly rejections: string
  readonly indexes: string
  readonly topics: TopicEntry
  /** What its `then` sends. */
  readonly reactions: AnyReaction
}

/** Anything that may stand in `defineConfig({ entities })`. */
export interface AnyEntity {
  readonly name: string
  readonly '~entity': EntityDeclaration
  /** Exists for types only. */
  readonly '~entry': EntityEntry
}

export interface Entity<Entry extends EntityEntry> extends AnyEntity {
  readonly '~entry': Entry
}

/** Where topics are folded, what they are folded by is not left out. */
type HandlerOfEach<Folded> = [Folded] extends [never]
  ? { readonly on?: undefined }
  : { readonly on: object; readonly history: History }

/** Where commands follow from events, those are events of the entity, and what the outcomes lead to is not left out. */
type OutcomeOfEach<Made, Event extends string> = [keyof Made] extends [never]
  ? unknown
  : [keyof Made] extends [Event]
    ? { readonly outcome: (...values: never[]) => unknown }
    : { readonly then: Readonly<Record<Event, unknown>> & Readonly<Record<Exclude<keyof Made, Event>, never>> }

/** Command -> its input, without those that only `Others` may send. */
type InputsOf<Inputs, Senders, Others extends CommandSender> = {
  readonly [Command in keyof Inputs as Command extends keyof Senders
    ? Senders[Command] extends Others
      ? never
      : Command
    : Command]: z.input<Inputs[Command] & ZodType>
}

/** Declares keyed state that commands change by events. Checked when `defineConfig` is called. */
export function entity<
  const Name extends string,
  const State extends object,
  Events extends EventSchemas,
  Inputs extends Readonly<Record<string, ObjectSchema>>,
  const Code extends string = never,
  View = State,
  const Index extends string = never,
  const Live extends LiveTopic = never,
  Folded extends AnyTopic = never,
  const Made extends Readonly<Record<string, AnyReaction>> = Record<never, never>,
  Shown = AsDecided,
  const Senders extends Readonly<Record<string, unknown>> = Record<never, never>,
>(
  name: Name,
  options: EntityOptions<Name, State, Events, Inputs, Code, View, Index, Live, Folded, Made, Shown, Senders> &
    HandlerOfEach<Folded> &
    OutcomeOfEach<Made, `${Name}.${keyof Events & string}`>,
): Entity<{
  readonly name: Name
  readonly view: View
  readonly events: ShownEvent<EventOf<Events>, Shown>
  readonly commands: InputsOf<Inputs, Senders, 'reaction'>
  readonly reacting: InputsOf<Inputs, Senders, 'client'>
  readonly rejections: Code
  readonly indexes: Index
  readonly topics: LiveEntry<Name, Live, View, ShownEvent<EventOf<Events>, Shown>>
  readonly reactions: Made[keyof Made]
}> {
  return {
    name,
    '~entity': { name, options: options as never, place: callPlace(entity) },
    '~entry': undefined as never,
  }
}
