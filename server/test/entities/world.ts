import {
  ANSWERS_HASH,
  type CommitOperation,
  decodeEvents,
  entityHash,
  indexSet,
  OUTBOX_HASH,
  partitionOf,
  trailList,
} from '../../src/bus/index.ts'
import type { EntityDefinition } from '../../src/config/contract/entity-model.ts'
import {
  type Command,
  type CommandOutcome,
  cutOf,
  decodeRecord,
  decodeTrailEntry,
  EntityFold,
  type EntityRecord,
  encodeRecord,
  foldTrail,
  type NumberedMessage,
  type StoredGenerations,
  type StoredOutbox,
  type TrailEntry,
} from '../../src/entities/index.ts'
import { withinTimeLimit } from '../../src/time-limit.ts'

/** What a partition has stored. */
interface Stored {
  readonly log: Command[]
  folded: number
  generations: StoredGenerations | undefined
  outbox: StoredOutbox | undefined
  readonly hashes: Map<string, Map<string, string>>
  readonly lists: Map<string, string[]>
  readonly indexes: Map<string, Set<string>>
  readonly answers: Map<string, { tag: string; outcome: CommandOutcome }>
  /** Source partition -> its last number that was taken. */
  readonly producers: Map<number, number>
}

/** What its owner holds in memory. */
interface Owner {
  readonly fold: EntityFold
  /** Commands folded, some of them into the next commit. */
  folded: number
  /** Sent, and not noted as arrived. */
  sent: NumberedMessage[]
}

/**
 * What may happen next in a partition. `lose`: the commit is stored, and the owner ends before it knows; `drop`: it is not.
 * `age`: the next owner finds states of an earlier definition.
 */
export type Act = 'fold' | 'commit' | 'lose' | 'drop' | 'send' | 'arrive' | 'end' | 'age'

/** The partitions of entities in memory, whose owners end whenever a test says so. Logs and commits are as scripts make them. */
export class World {
  readonly #definitions: ReadonlyMap<string, EntityDefinition>
  readonly #partitions: Stored[]
  readonly #owners = new Map<number, Owner>()
  /** When what comes next is stored. */
  time = 1_000

  constructor(definitions: ReadonlyMap<string, EntityDefinition>, partitions: number) {
    this.#definitions = definitions
    this.#partitions = Array.from({ length: partitions }, () => ({
      ...{ log: [], folded: 0, generations: undefined, outbox: undefined },
      ...{ hashes: new Map(), lists: new Map(), indexes: new Map(), answers: new Map(), producers: new Map() },
    }))
  }

  append(command: Omit<Command, 'storedAt'>): void {
    this.#stored(command.key).log.push({ ...command, storedAt: this.time })
  }

  act(partition: number, act: Act): void {
    const owner = this.#owner(partition)
    switch (act) {
      case 'fold':
        return this.#fold(partition, owner)
      case 'commit':
        this.#apply(partition, owner, owner.fold.takeOperations())
        owner.fold.stored()
        owner.fold.outbox.committed()
        return
      case 'lose':
        this.#apply(partition, owner, owner.fold.takeOperations())
        return this.#end(partition)
      case 'drop':
        owner.fold.takeOperations()
        return this.#end(partition)
      case 'send':
        return this.#send(partition, owner)
      case 'arrive':
        for (const { number } of owner.sent.splice(0)) owner.fold.outbox.arrived(number)
        return
      case 'end':
        return this.#end(partition)
      case 'age':
        this.#age(partition)
        return this.#end(partition)
    }
  }

  /** Lets owners work until nothing is left to do. */
  settle(): void {
    const isQuiet = (_: Stored, partition: number) => {
      const owner = this.#owner(partition)
      const { log, hashes } = this.#partitions[partition]!
      return owner.folded === log.length && !owner.fold.isDirty && (hashes.get(OUTBOX_HASH)?.size ?? 0) === 0
    }
    while (!this.#partitions.every(isQuiet)) {
      for (const partition of this.#partitions.keys()) {
        for (const act of ['fold', 'commit', 'send', 'arrive', 'commit'] as const) this.act(partition, act)
      }
    }
  }

  record(name: string, key: string): EntityRecord | undefined {
    const text = this.#stored(key).hashes.get(entityHash(name))?.get(key)
    return text === undefined ? undefined : decodeRecord(text)
  }

  trail(name: string, key: string): TrailEntry[] {
    return (this.#stored(key).lists.get(trailList(name, key)) ?? []).map(decodeTrailEntry)
  }

  folded(name: string, key: string): EntityRecord {
    return foldTrail(this.#definitions.get(name)!, key, this.trail(name, key))
  }

  /** Members of an index over all partitions. */
  indexed(name: string, index: string): string[] {
    return this.#partitions.flatMap(({ indexes }) => [...(indexes.get(indexSet(name, index)) ?? [])]).sort()
  }

  /** Ids of the commands that were answered in the partition of a key. */
  answersOf(key: string): Iterable<string> {
    return this.#stored(key).answers.keys()
  }

  outcome(key: string, id: string): CommandOutcome | undefined {
    return this.#stored(key).answers.get(id)?.outcome
  }

  #stored(key: string): Stored {
    return this.#partitions[partitionOf(key, this.#partitions.length)]!
  }

  #age(partition: number): void {
    const { hashes } = this.#partitions[partition]!
    for (const name of this.#definitions.keys()) {
      const records = hashes.get(entityHash(name)) ?? new Map<string, string>()
      for (const [key, text] of records) {
        records.set(key, encodeRecord({ ...decodeRecord(text), definition: 0, state: { of: 'before' } }))
      }
    }
  }

  /** As a loader does. */
  #present(name: string, key: string, record: EntityRecord): EntityRecord {
    const { version } = this.#definitions.get(name)!
    return record.definition === version ? record : { ...this.folded(name, key), indexed: record.indexed }
  }

  #end(partition: number): void {
    this.#owners.delete(partition)
  }

  #owner(partition: number): Owner {
    let owner = this.#owners.get(partition)
    if (owner !== undefined) return owner
    const { folded, generations, outbox, hashes, answers } = this.#partitions[partition]!
    const fold = new EntityFold({
      ...{ definitions: this.#definitions, epoch: 'e', now: () => 2_000, limited: withinTimeLimit },
      ...{ incident: () => 'incident', publish: () => {}, bury: () => {}, generations },
      outbox: { stored: outbox, fields: [...(hashes.get(OUTBOX_HASH) ?? [])] },
    })
    fold.answeredIds.found([...answers.keys()], { isOlder: false })
    fold.answeredIds.complete()
    owner = { fold, folded, sent: [] }
    this.#owners.set(partition, owner)
    return owner
  }

  #fold(partition: number, owner: Owner): void {
    const { log, hashes, lists, answers } = this.#partitions[partition]!
    const commands = log.slice(owner.folded, owner.folded + 3)
    const { entities, ids } = owner.fold.needs(commands)
    for (const [name, keys] of entities) {
      for (const key of keys) {
        const text = hashes.get(entityHash(name))?.get(key)
        const record = text === undefined ? undefined : decodeRecord(text)
        const length = lists.get(trailList(name, key))?.length ?? 0
        if ((record?.version ?? 0) !== cutOf(record) + length) throw new Error('torn')
        const loaded = record && ({ kind: 'loaded', record: this.#present(name, key, record) } as const)
        owner.fold.loaded(name, key, loaded, text?.length)
      }
    }
    for (const id of ids) {
      const given = answers.get(id)
      if (given !== undefined) owner.fold.answered(id, given)
    }
    owner.fold.fold(commands)
    owner.folded += commands.length
  }

  #apply(partition: number, owner: Owner, operations: readonly CommitOperation[]): void {
    const stored = this.#partitions[partition]!
    for (const operation of operations) applyTo(stored, operation)
    stored.folded = owner.folded
    stored.generations = owner.fold.generations
    stored.outbox = owner.fold.outbox.stored
  }

  /** Half of what is not sent: the rest may be left to the next owner. */
  #send(partition: number, { fold, sent }: Owner): void {
    const known = new Set(sent.map(({ number }) => number))
    const unsent = fold.outbox.unsent().filter(({ number }) => !known.has(number))
    for (const one of unsent.slice(0, Math.ceil(unsent.length / 2))) {
      const { number, message } = one
      const { log, producers } = this.#stored(message.key)
      sent.push(one)
      if (number <= (producers.get(partition) ?? 0)) continue
      producers.set(partition, number)
      log.push({ ...message.body, id: message.id, key: message.key, storedAt: this.time })
    }
  }
}

function applyTo({ hashes, lists, indexes, answers }: Stored, operation: CommitOperation): void {
  switch (operation.op) {
    case 'set':
    case 'delete': {
      const hash = hashes.get(operation.hash) ?? new Map<string, string>()
      hashes.set(operation.hash, hash)
      if (operation.op === 'set') for (const [field, value] of operation.fields) hash.set(field, value)
      else for (const field of operation.fields) hash.delete(field)
      return
    }
    case 'push': {
      const list = lists.get(operation.list) ?? []
      if (list.length !== operation.base) throw new Error(`${operation.list} has ${list.length}`)
      lists.set(operation.list, [...list, ...operation.items])
      return
    }
    case 'append': {
      const outcomes = decodeEvents(operation.payload).map(({ data }) => data as CommandOutcome)
      if (operation.places?.hash !== ANSWERS_HASH) return
      for (const { field, tag, index } of operation.places.entries)
        answers.set(field, { tag, outcome: outcomes[index]! })
      return
    }
    case 'index': {
      const members = indexes.get(operation.index) ?? new Set<string>()
      indexes.set(operation.index, members)
      for (const member of operation.remove) if (!operation.add.includes(member)) members.delete(member)
      for (const member of operation.add) members.add(member)
      return
    }
    case 'drop':
      lists.delete(operation.hash)
      return
    case 'rename':
  }
}
