/** Names of the fields of `Data` that always hold a string. */
export type KeyField<Data> = keyof {
  [Name in keyof Data as string extends Name ? never : Data[Name] extends string ? Name : never]: never
} &
  string

/**
 * Paths to the fields of `Data` that always hold a `Wanted`: names joined by dots, such as `temperature` or, in a pane,
 * `value.avg`. Only fields that every value has are offered, and only names without a dot. Four levels deep.
 */
export type FieldPath<Data, Wanted> = Path<Data, Wanted, 1>

type Path<Data, Wanted, Level extends keyof Below> = keyof {
  [Name in keyof Data as Data[Name] extends Wanted
    ? Spelled<Name>
    : Data[Name] extends object
      ? Data[Name] extends readonly unknown[]
        ? never
        : Deeper<Spelled<Name>, Data[Name], Wanted, Below[Level]>
      : never]: never
} &
  string

/** Levels that may follow a level; none after the last. */
interface Below {
  1: 2
  2: 3
  3: 4
  4: never
}

type Deeper<Name extends string, Value, Wanted, Level extends keyof Below> = [Level] extends [never]
  ? never
  : `${Name}.${Path<Value, Wanted, Level>}`

/** An index signature says nothing of any one value. */
type Spelled<Name> = string extends Name ? never : Name extends `${string}.${string}` ? never : Name & string

/** What the field at a path of `Data` holds. */
export type FieldValue<Data, Path> = Path extends keyof Data
  ? Data[Path]
  : Path extends `${infer Name}.${infer Below}`
    ? Name extends keyof Data
      ? FieldValue<Data[Name], Below>
      : never
    : never

/** The names a path leads through. */
export function pathNames(path: string): readonly string[] {
  return path.split('.')
}
