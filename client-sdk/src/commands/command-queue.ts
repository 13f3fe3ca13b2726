import { UNANSWERED_COMMANDS } from '@tidegate/protocol'

export interface QueueLimits {
  readonly maxFrames: number
  readonly maxBytes: number
}

export interface QueuedCommand<Item> {
  /** MUST NOT be in the queue already. */
  readonly id: string
  /** The entity that it is for. */
  readonly subject: string
  /** It may be on the wire together with earlier commands of its entity. */
  readonly isPipelined: boolean
  readonly bytes: number
  readonly item: Item
}

/** One command to be written now. */
export interface Attempt<Item> {
  readonly item: Item
  /** Milliseconds since the first attempt; `undefined` on the first. */
  readonly ageMs: number | undefined
  /** The last command of its entity that is on the wire. */
  readonly after: string | undefined
}

/** A command that had its outcome. */
export interface SettledCommand<Item> extends QueuedCommand<Item> {
  readonly turn: number
  readonly firstSentAt: number | undefined
}

interface Entry<Item> extends QueuedCommand<Item> {
  /** Order of the calls. */
  readonly turn: number
  /** `waiting` to be written, `sent` on this connection, or `refused` until its wait is over. */
  state: 'waiting' | 'sent' | 'refused'
  isPipelined: boolean
  firstSentAt: number | undefined
}

/**
 * The commands that have no outcome yet. Pure: time (ms of a clock that nobody sets) comes in, commands to write come out.
 *
 * Commands of one entity are written in the order of the calls, the next one after the outcome of the last. A pipelined
 * one does not wait for outcomes; it still waits while an earlier one is not written, or is to be written again.
 */
export class CommandQueue<Item> {
  readonly #limits: QueueLimits
  /** In the order of the calls. */
  #entries = new Map<string, Entry<Item>>()
  #sent = 0
  #bytes = 0
  #turns = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** In the order of the calls. */
  ids(): readonly string[] {
    return [...this.#entries.keys()]
  }

  find(id: string): Item | undefined {
    return this.#entries.get(id)?.item
  }

  /** Whether it is there and was never written. */
  isUnsent(id: string): boolean {
    const entry = this.#entries.get(id)
    return entry !== undefined && entry.firstSentAt === undefined
  }

  hasRoom(bytes: number): boolean {
    return this.#entries.size < this.#limits.maxFrames && this.#bytes + bytes <= this.#limits.maxBytes
  }

  /** Takes a command. The caller MUST have asked `hasRoom`. */
  push(command: QueuedCommand<Item>): void {
    this.#add({ ...command, turn: this.#turns++, state: 'waiting', firstSentAt: undefined })
  }

  /** The next command to write, if any. From now on it is on its way. */
  next(now: number): Attempt<Item> | undefined {
    if (this.#sent >= UNANSWERED_COMMANDS) return undefined
    const due = this.#due()
    if (due === undefined) return undefined
    const { entry, after } = due
    const { item, firstSentAt } = entry
    this.#sent++
    entry.state = 'sent'
    entry.firstSentAt ??= now
    return { item, ageMs: firstSentAt === undefined ? undefined : Math.max(0, Math.ceil(now - firstSentAt)), after }
  }

  /** The command has its outcome, or nobody waits for it any more. */
  settle(id: string): SettledCommand<Item> | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
    if (entry.state === 'sent') this.#sent--
    return entry
  }

  /**
   * Takes back a command whose outcome may be lost: before every later one of its entity that is not sent. Its id MUST NOT be
   * in the queue.
   */
  restore(settled: SettledCommand<Item>): void {
    this.#add({ ...settled, state: 'waiting' })
    this.#entries = new Map([...this.#entries].sort(([, a], [, b]) => a.turn - b.turn))
  }

  /** The command is to be sent again, once its wait is over. `undefined` when no answer to it was due. */
  refuse(id: string): Item | undefined {
    const entry = this.#entries.get(id)
    if (entry?.state !== 'sent') return undefined
    this.#sent--
    entry.state = 'refused'
    // Commands sent before it may have to be sent again as well: from now on it waits for them.
    entry.isPipelined = false
    return entry.item
  }

  /** The wait after a refusal is over. */
  again(id: string): void {
    const entry = this.#entries.get(id)
    if (entry?.state === 'refused') entry.state = 'waiting'
  }

  /** No answer will come any more: everything goes again, in the order of the calls. */
  disconnected(): void {
    this.#sent = 0
    for (const entry of this.#entries.values()) entry.state = 'waiting'
  }

  #add(entry: Entry<Item>): void {
    this.#entries.set(entry.id, entry)
    this.#bytes += entry.bytes
  }

  /** The first one that waits for none of its entity: at most `maxFrames` steps, where all are for one. */
  #due(): { readonly entry: Entry<Item>; readonly after: string | undefined } | undefined {
    /** Entity -> the last of its commands so far, if all are on the wire, or `null`. */
    const lanes = new Map<string, string | null>()
    for (const entry of this.#entries.values()) {
      const { id, subject, state, isPipelined } = entry
      const after = lanes.get(subject)
      if (state === 'waiting' && (after === undefined || (after !== null && isPipelined))) return { entry, after }
      lanes.set(subject, state === 'sent' && after !== null ? id : null)
    }
    return undefined
  }
}
