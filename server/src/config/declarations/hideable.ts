import type { EntityEntry, EntityEvent } from './entity.ts'
import type { TopicEntry } from './topic.ts'

/**
 * Paths to everything that data of a type may have: names joined by dots, optional ones too, through lists and all
 * members of a union. Only names that the type spells, without a dot. Four levels deep.
 */
export type HideablePath<Data> = Path<Data, 1>

type Path<Data, Level extends keyof Below> = Data extends readonly (infer Item)[]
  ? Path<Item, Level>
  : Data extends object
    ? keyof { [Name in keyof Data as Spelled<Name> | Deeper<Spelled<Name>, Data[Name], Below[Level]>]: never } & string
    : never

/** Levels that may follow a level; none after the last. */
interface Below {
  1: 2
  2: 3
  3: 4
  4: never
}

type Deeper<Name extends string, Value, Level extends keyof Below> = [Level] extends [never]
  ? never
  : `${Name}.${Path<Value, Level>}`

/** An index signature says nothing of any one value. */
type Spelled<Name> = Name extends string
  ? string extends Name
    ? never
    : Name extends `${string}.${string}`
      ? never
      : Name
  : never

/**
 * What rules may hide, by name: of topics the fields of their data, of an entity the fields of its view, and of
 * `<entity>.events` those of its events.
 */
export type HideOf<Topic extends TopicEntry, Entity extends EntityEntry> = {
  readonly [Each in Topic as Each['name']]?: readonly HideablePath<Each['data']>[]
} & {
  readonly [Each in Entity as Each['name']]?: readonly HideablePath<Each['view']>[]
} & {
  readonly [Each in Entity as `${Each['name']}.events`]?: readonly HideablePath<EntityEvent<Each['events']>>[]
}

/** As it is read: every name and every path may be wrong. */
export type UncheckedHide = Readonly<Record<string, readonly string[] | undefined>>
