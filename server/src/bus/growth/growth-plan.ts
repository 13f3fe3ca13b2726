import type { HomeOf } from './division.ts'

/** What becomes of a log when its partition is divided. */
export type LogPlacement =
  /** Each event goes to the partition of its key, and keeps its position there. */
  | { readonly kind: 'by_key'; readonly homeOf: HomeOf }
  /** Every partition gets all of it. */
  | { readonly kind: 'everywhere' }
  /** The partition keeps it, and the others begin without. */
  | { readonly kind: 'stays' }
  /** Nobody gets it. */
  | { readonly kind: 'left' }

/** What becomes of a hash, list or sorted set. */
export type Placement =
  | Exclude<LogPlacement, { readonly kind: 'by_key' | 'left' }>
  /** Each field of a hash, or member of a sorted set, goes to the partition of its key; without one, to every partition. */
  | {
      readonly kind: 'by_key'
      readonly homeOf: HomeOf
      readonly keyOf: (field: string, value: string) => string | undefined
    }
  /** It belongs to one key, and goes to its partition as a whole. */
  | { readonly kind: 'of_key'; readonly homeOf: HomeOf; readonly key: string }

/** Says where everything belongs that a partition has: what a name means is known to those who store under it. Pure. */
export interface GrowthPlan {
  log(topic: string): LogPlacement
  owned(name: string): Placement
  /** A producer that a partition is to others. Each that comes of it continues as one of its own. */
  producer(partition: number): string
}
