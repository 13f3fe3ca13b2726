import { currentHash } from '../hash-name.ts'
import { keys } from '../keys.ts'
import type { Argument } from '../redis/script.ts'
import { type LedgerPlace, ownedKey } from './ledger-place.ts'
import { PackedList } from './packed-list.ts'

/** One write of a commit. Operations apply in their order, but renames before all others. */
export type CommitOperation =
  /** Fields of a hash of the ledger. */
  | { readonly op: 'set'; readonly hash: string; readonly fields: readonly (readonly [field: string, value: string])[] }
  | { readonly op: 'delete'; readonly hash: string; readonly fields: readonly string[] }
  /** A whole hash, list or sorted set. */
  | { readonly op: 'drop'; readonly hash: string }
  /**
   * Takes the place of another hash, list or sorted set, which is removed also when there is nothing to take its place.
   */
  | { readonly op: 'rename'; readonly from: string; readonly to: string }
  /**
   * Items at the end of a list that has `base` items; a list of another length makes the commit a conflict. Without
   * items it is only compared. Then the first `dropped` items are removed.
   */
  | {
      readonly op: 'push'
      readonly list: string
      readonly base: number
      readonly items: readonly string[]
      readonly dropped?: number
    }
  /** Members of a sorted set, all of score 0. What is in both stays. */
  | {
      readonly op: 'index'
      readonly index: string
      readonly add: readonly string[]
      readonly remove: readonly string[]
    }
  | {
      readonly op: 'append'
      readonly topic: string
      readonly header: string
      readonly payload: Buffer
      /** Events of the batch; absent where it is none. */
      readonly count?: number
      /** Watermark the entry carries, ms. */
      readonly watermark: number | undefined
      /**
       * Which events of the batch become the latest result of their key, unless there is one of a later time: by index
       * and byte range in the payload.
       */
      readonly latest: readonly LatestResult[]
      /** Where to note that events of the batch are in this entry. */
      readonly places?: NotedPlaces
    }

export interface LatestResult {
  readonly key: string
  readonly index: number
  readonly from: number
  readonly bytes: number
}

/** Fields of a hash that get the value `<tag> <streamId>.<index>`. */
export interface NotedPlaces {
  readonly hash: string
  /** Tags MUST NOT contain a space. */
  readonly entries: readonly { readonly field: string; readonly tag: string; readonly index: number }[]
}

/** Arguments of the commit script for operations on one ledger, and the keys that they count. */
export class OperationArguments {
  readonly args: Argument[] = []
  readonly #place: LedgerPlace
  readonly #numbers = new Map<string, number>()

  constructor(place: LedgerPlace, operations: readonly CommitOperation[]) {
    this.#place = place
    for (const operation of operations) if (operation.op === 'rename') this.#push(operation)
    let growing: Growing[] = []
    for (const operation of operations) {
      if (operation.op === 'push' && !operation.dropped) growing.push(operation)
      else if (operation.op !== 'rename') {
        this.#pushAll(growing)
        growing = []
        this.#push(operation)
      }
    }
    this.#pushAll(growing)
  }

  get keys(): Iterable<string> {
    return this.#numbers.keys()
  }

  #push(operation: CommitOperation): void {
    const { args } = this
    switch (operation.op) {
      case 'set':
        args.push('S', this.#owned(operation.hash), fieldList(operation.fields))
        break
      case 'delete':
        args.push('D', this.#owned(operation.hash), operation.fields.length)
        for (const field of operation.fields) args.push(field)
        break
      case 'drop':
        args.push('R', this.#owned(operation.hash))
        break
      case 'rename':
        args.push('N', this.#owned(operation.from), this.#owned(operation.to))
        break
      case 'push':
        args.push('L', this.#owned(operation.list), operation.base, operation.dropped ?? 0, operation.items.length)
        for (const item of operation.items) args.push(item)
        break
      case 'index':
        args.push('Z', this.#owned(operation.index), operation.remove.length, operation.add.length)
        for (const member of operation.remove) args.push(member)
        for (const member of operation.add) args.push(member)
        break
      case 'append': {
        const { topic, header, payload, watermark, latest, places } = operation
        args.push('X', this.#number(keys.log(this.#place.partition, topic)), header, payload, watermark ?? '')
        args.push(...(latest.length === 0 ? NONE : [this.#currentOf(topic), latestList(latest)]))
        args.push(...(places === undefined ? NONE : [this.#owned(places.hash), placeList(places)]))
      }
    }
  }

  /** Lists that only grow, one behind the other, are one argument, as fields are. */
  #pushAll(lists: readonly Growing[]): void {
    if (lists.length === 0) return
    let count = 0
    for (const { items } of lists) count += 3 + items.length
    const packed = PackedList.of(count)
    for (const { list, base, items } of lists) {
      packed.whole(this.#owned(list)).whole(base).whole(items.length)
      for (const item of items) packed.text(item)
    }
    this.args.push('P', packed.bytes())
  }

  #owned(name: string): number {
    return this.#number(ownedKey(this.#place, name))
  }

  /** A pane of a backfill is the latest result of the partition too. */
  #currentOf(topic: string): number {
    return this.#number(keys.owned(this.#place.partition, currentHash(topic)))
  }

  #number(key: string): number {
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#numbers.size + 1
      this.#numbers.set(key, number)
    }
    return number
  }
}

type Growing = Extract<CommitOperation, { op: 'push' }>

/** No hash, and nothing for it. */
const NONE: readonly Argument[] = [0, '']

/**
 * One argument for all fields: a thousand states as arguments of their own cost the client more than computing them.
 */
function fieldList(fields: readonly (readonly [field: string, value: string])[]): Buffer {
  const packed = PackedList.of(2 * fields.length)
  for (const [field, value] of fields) packed.text(field).text(value)
  return packed.bytes()
}

function latestList(latest: readonly LatestResult[]): Buffer {
  const packed = PackedList.of(4 * latest.length)
  for (const { key, index, from, bytes } of latest) packed.text(key).text(`${index}`).whole(from).whole(bytes)
  return packed.bytes()
}

function placeList({ entries }: NotedPlaces): Buffer {
  const packed = PackedList.of(3 * entries.length)
  for (const { field, tag, index } of entries) packed.text(field).text(tag).text(`${index}`)
  return packed.bytes()
}
