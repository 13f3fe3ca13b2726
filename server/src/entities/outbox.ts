import type { TraceContext } from '@tidegate/protocol'
import { type CommitOperation, OUTBOX_HASH } from '../bus/index.ts'
import { type Message, senderOf } from './reaction.ts'

/** Messages that may wait until they have arrived, and characters of their JSON: beyond it nothing more is folded. */
const MAX_UNSENT = 4_096
const MAX_SIZE = 8 * 1_024 * 1_024

/** A message and its number among those of its partition, which is its place in the order in which they are sent. */
export interface NumberedMessage {
  readonly number: number
  readonly message: Message
}

/** The producer that a partition's messages are sent as; their seqs are their numbers. */
export const outboxProducer = (partition: number): string => `~then:${partition}`

/** The key of the entity that a stored message comes from. */
export const senderOfMessage = (text: string): string => senderOf(JSON.parse(text) as Message)

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
  #collected: Waiting[] = []
  #committing: Waiting[] = []
  readonly #stored = new Map<number, Waiting>()
  #arrived: number[] = []
  #size = 0
  #collectedSize = 0

  constructor(stored: StoredOutbox = { next: 1 }, fields: readonly (readonly [field: string, value: string])[] = []) {
    this.#next = stored.next
    for (const [field, text] of fields) {
      const number = Number(field)
      this.#stored.set(number, { number, message: JSON.parse(text) as Message, text })
      this.#size += text.length
    }
  }

  get stored(): StoredOutbox {
    return { next: this.#next }
  }

  /** Writes of the next commit. */
  get writes(): number {
    return this.#collected.length + this.#arrived.length
  }

  /** Characters of the messages of the next commit. */
  get collectedSize(): number {
    return this.#collectedSize
  }

  /** Whether the next commit has messages, which somebody waits for. */
  get hasNew(): boolean {
    return this.#collected.length > 0
  }

  get isFull(): boolean {
    const count = this.#stored.size + this.#committing.length + this.#collected.length
    return count >= MAX_UNSENT || this.#size >= MAX_SIZE
  }

  /** @param trace where what they follow from comes from */
  add(messages: readonly Message[], trace?: TraceContext): void {
    for (const plain of messages) {
      const message = trace === undefined ? plain : { ...plain, trace }
      const text = JSON.stringify(message)
      this.#collected.push({ number: this.#next++, message, text })
      this.#size += text.length
      this.#collectedSize += text.length
    }
  }

  /** Those that are stored and not known to have arrived, in order. */
  unsent(): NumberedMessage[] {
    return [...this.#stored.values()].sort((a, b) => a.number - b.number)
  }

  /** The log of the partition that it is for has it. */
  arrived(number: number): void {
    const waiting = this.#stored.get(number)
    if (waiting === undefined) return
    this.#stored.delete(number)
    this.#size -= waiting.text.length
    this.#arrived.push(number)
  }

  /** Hands over what was collected as operations of a commit. */
  take(): CommitOperation[] {
    const operations: CommitOperation[] = []
    if (this.#collected.length > 0) {
      const fields = this.#collected.map(({ number, text }) => [`${number}`, text] as const)
      operations.push({ op: 'set', hash: OUTBOX_HASH, fields })
    }
    if (this.#arrived.length > 0) {
      operations.push({ op: 'delete', hash: OUTBOX_HASH, fields: this.#arrived.map((number) => `${number}`) })
    }
    this.#committing.push(...this.#collected)
    this.#collected = []
    this.#collectedSize = 0
    this.#arrived = []
    return operations
  }

  /** Everything taken so far is stored. @returns what may be sent from now on, in order */
  committed(): readonly NumberedMessage[] {
    const stored = this.#committing
    for (const waiting of stored) this.#stored.set(waiting.number, waiting)
    this.#committing = []
    return stored
  }
}

interface Waiting extends NumberedMessage {
  /** Its JSON. */
  readonly text: string
}
