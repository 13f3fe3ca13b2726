import { type CommitOperation, OUTBOX_HASH } from '../bus/index.ts'
import type { Message } from './reaction.ts'

/** Messages that may wait to be sent: beyond it nothing more is folded. */
const MAX_UNSENT = 4_096

/** A message and its number among those of its partition, which is its place in the order in which they are sent. */
export interface NumberedMessage {
  readonly number: number
  readonly message: Message
}

/** As stored. */
export interface StoredOutbox {
  /** Number of the next message. */
  readonly next: number
}

/**
 * The commands that followed from a partition's events and are not known to have arrived. One is stored with its cause, may be
 * sent once that is stored, and is removed by a commit after it has arrived.
 */
export class Outbox {
  #next: number
  /** Of the next commit, of the one that is under way, and of those before. */
  #collected: NumberedMessage[] = []
  #committing: NumberedMessage[] = []
  readonly #stored = new Map<number, Message>()
  #arrived: number[] = []

  constructor(stored: StoredOutbox = { next: 1 }, fields: readonly (readonly [field: string, value: string])[] = []) {
    this.#next = stored.next
    for (const [field, value] of fields) this.#stored.set(Number(field), JSON.parse(value) as Message)
  }

  get stored(): StoredOutbox {
    return { next: this.#next }
  }

  /** Writes of the next commit. */
  get writes(): number {
    return this.#collected.length + this.#arrived.length
  }

  /** Whether the next commit has messages, which somebody waits for. */
  get hasNew(): boolean {
    return this.#collected.length > 0
  }

  get isFull(): boolean {
    return this.#stored.size + this.#committing.length + this.#collected.length >= MAX_UNSENT
  }

  add(messages: readonly Message[]): void {
    for (const message of messages) this.#collected.push({ number: this.#next++, message })
  }

  /** Those that are stored and not known to have arrived, in order. */
  unsent(): NumberedMessage[] {
    return [...this.#stored].sort(([a], [b]) => a - b).map(([number, message]) => ({ number, message }))
  }

  /** The log of the partition that it is for has it. */
  arrived(number: number): void {
    if (this.#stored.delete(number)) this.#arrived.push(number)
  }

  /** Hands over what was collected as operations of a commit. */
  take(): CommitOperation[] {
    const operations: CommitOperation[] = []
    if (this.#collected.length > 0) {
      const fields = this.#collected.map(({ number, message }) => [`${number}`, JSON.stringify(message)] as const)
      operations.push({ op: 'set', hash: OUTBOX_HASH, fields })
    }
    if (this.#arrived.length > 0) {
      operations.push({ op: 'delete', hash: OUTBOX_HASH, fields: this.#arrived.map((number) => `${number}`) })
    }
    this.#committing.push(...this.#collected)
    this.#collected = []
    this.#arrived = []
    return operations
  }

  /** Everything taken so far is stored. @returns what may be sent from now on, in order */
  committed(): readonly NumberedMessage[] {
    const stored = this.#committing
    for (const { number, message } of stored) this.#stored.set(number, message)
    this.#committing = []
    return stored
  }
}
