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
}

/** A command that had its outcome. */
export interface SettledCommand<Item> extends QueuedCommand<Item> {
  readonly turn: number
  readonly firstSentAt: number | undefined
}

interface Entry<Item> extends QueuedCommand<Item> {
  /** Order of the calls. */
  readonly turn: number
  /**
   * `waiting` behind others of its entity, `ready` to be written, `sent` on this connection, or `refused` until its wait
   * is over.
   */
  state: 'waiting' | 'ready' | 'sent' | 'refused'
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
  readonly #entries = new Map<string, Entry<Item>>()
  /** The same by entity. */
  readonly #lanes = new Map<string, Entry<Item>[]>()
  #ready = new Set<Entry<Item>>()
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

  hasRoom(bytes: number): boolean {
    return this.#entries.size < this.#limits.maxFrames && this.#bytes + bytes <= this.#limits.maxBytes
  }

  /** Takes a command. The caller MUST have asked `hasRoom`. */
  push(command: QueuedCommand<Item>): void {
    const entry: Entry<Item> = { ...command, turn: this.#turns++, state: 'waiting', firstSentAt: undefined }
    const lane = this.#lanes.get(command.subject) ?? []
    lane.push(entry)
    this.#lanes.set(command.subject, lane)
    this.#entries.set(command.id, entry)
    this.#bytes += command.bytes
    this.#admit(lane)
  }

  /** The next command to write, if any. From now on it is on its way. */
  next(now: number): Attempt<Item> | undefined {
    if (this.#sent >= UNANSWERED_COMMANDS) return undefined
    const [entry] = this.#ready
    if (entry === undefined) return undefined
    this.#ready.delete(entry)
    this.#sent++
    entry.state = 'sent'
    const ageMs = entry.firstSentAt === undefined ? undefined : Math.max(0, Math.ceil(now - entry.firstSentAt))
    entry.firstSentAt ??= now
    this.#admit(this.#lanes.get(entry.subject)!)
    return { item: entry.item, ageMs }
  }

  /** The command has its outcome, or nobody waits for it any more. */
  settle(id: string): SettledCommand<Item> | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined) return undefined
    this.#entries.delete(id)
    this.#bytes -= entry.bytes
    this.#leave(entry)
    const lane = this.#lanes.get(entry.subject)!
    lane.splice(lane.indexOf(entry), 1)
    if (lane.length === 0) this.#lanes.delete(entry.subject)
    else this.#admit(lane)
    return entry
  }

  /**
   * Takes back a command whose outcome may be lost: before every later one of its entity that is not sent. Its id MUST NOT be
   * in the queue.
   */
  restore(settled: SettledCommand<Item>): void {
    const entry: Entry<Item> = { ...settled, state: 'waiting' }
    const lane = this.#lanes.get(entry.subject) ?? []
    const found = lane.findIndex(({ turn }) => turn > entry.turn)
    lane.splice(found === -1 ? lane.length : found, 0, entry)
    for (const later of lane) if (later.turn > entry.turn && later.state === 'ready') this.#withdraw(later)
    this.#lanes.set(entry.subject, lane)
    this.#entries.set(entry.id, entry)
    this.#bytes += entry.bytes
    this.#admit(lane)
  }

  /** The command is to be sent again, once its wait is over. `undefined` when no answer to it was due. */
  refuse(id: string): Item | undefined {
    const entry = this.#entries.get(id)
    if (entry?.state !== 'sent') return undefined
    this.#leave(entry)
    entry.state = 'refused'
    // What was on the wire before it may have to be sent again as well: from now on it waits for that.
    entry.isPipelined = false
    // One that has become ready meanwhile must not overtake it.
    for (const later of this.#lanes.get(entry.subject)!) if (later.state === 'ready') this.#withdraw(later)
    return entry.item
  }

  /** The wait after a refusal is over. */
  again(id: string): void {
    const entry = this.#entries.get(id)
    if (entry?.state !== 'refused') return
    entry.state = 'waiting'
    this.#admit(this.#lanes.get(entry.subject)!)
  }

  /** No answer will come any more: everything goes again, in the order of the calls. */
  disconnected(): void {
    this.#ready.clear()
    this.#sent = 0
    for (const entry of this.#entries.values()) entry.state = 'waiting'
    for (const lane of this.#lanes.values()) this.#admit(lane)
    this.#ready = new Set([...this.#ready].sort((a, b) => a.turn - b.turn))
  }

  /** Makes ready what may be written of an entity's commands. */
  #admit(lane: readonly Entry<Item>[]): void {
    for (const [i, entry] of lane.entries()) {
      const isBlocked = entry.state === 'refused' || (i > 0 && !entry.isPipelined)
      if (isBlocked && entry.state !== 'sent') return
      if (entry.state !== 'waiting') continue
      entry.state = 'ready'
      this.#ready.add(entry)
    }
  }

  #leave(entry: Entry<Item>): void {
    if (entry.state === 'sent') this.#sent--
    this.#ready.delete(entry)
  }

  #withdraw(entry: Entry<Item>): void {
    this.#ready.delete(entry)
    entry.state = 'waiting'
  }
}
