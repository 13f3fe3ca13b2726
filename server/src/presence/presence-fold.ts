import type { SeenGateway } from '../bus/index.ts'
import type { Presence } from '../config/contract/model.ts'
import { decodeShare, fieldOf, placeOf, type SaidState, type Share } from './share.ts'

/** What subscribers know of a subject. */
export interface PublishedPresence {
  readonly connections: number
  readonly joinedAt: number
  /** JSON. */
  readonly state?: string
  /** Of the event, ms since 1970. */
  readonly time: number
}

/** An event to publish. */
export interface PresenceChange {
  readonly topic: string
  readonly key: string
  readonly time: number
  /** JSON of a `Presence`. */
  readonly data: string
  readonly hasLeft: boolean
}

interface GatewayShares {
  readonly turn: string
  readonly shares: ReadonlyMap<string, Share>
}

/** Topic -> key -> what subscribers know. */
export type PublishedTopics = ReadonlyMap<string, Map<string, PublishedPresence>>

/**
 * The presence topics of a partition: compares what live gateways report with what is published. Nothing is remembered of how
 * it came about, so whatever was missed, repeated or lost is made good by the next comparison.
 */
export class PresenceFold {
  readonly #published: PublishedTopics
  #gateways = new Map<string, GatewayShares>()
  /** Fields that may differ from what is published. */
  readonly #pending = new Set<string>()
  #isWhole = false

  /** @param published of every presence topic */
  constructor(published: PublishedTopics) {
    this.#published = published
    // Nobody may be left of them.
    for (const [topic, keys] of published) for (const key of keys.keys()) this.#pending.add(fieldOf(topic, key))
  }

  /** Gateway -> turn, for the next look. */
  get known(): ReadonlyMap<string, string> {
    return new Map([...this.#gateways].map(([gateway, { turn }]) => [gateway, turn]))
  }

  /** Whether the last look has shown everything. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Presence topic -> subjects that are published. */
  subjects(): ReadonlyMap<string, number> {
    return new Map([...this.#published].map(([topic, subjects]) => [topic, subjects.size]))
  }

  /** @param seen every gateway that is alive */
  look(seen: readonly SeenGateway[]): void {
    const before = this.#gateways
    this.#gateways = new Map()
    this.#isWhole = true
    for (const { gateway, turn, shares } of seen) {
      const known = before.get(gateway)
      if (typeof shares === 'object') {
        const read = new Map(shares.flatMap(([field, text]) => this.#read(field, text)))
        this.#gateways.set(gateway, { turn, shares: read })
        this.#compareLater(known?.shares, read)
        this.#compareLater(read, known?.shares)
      } else {
        if (shares === 'left') this.#isWhole = false
        if (known !== undefined) this.#gateways.set(gateway, known)
      }
    }
    for (const [gateway, { shares }] of before) if (!this.#gateways.has(gateway)) this.#compareLater(shares, undefined)
  }

  /**
   * The events that are due, at most `limit`. They count as published.
   *
   * @param mayLeave whether a gateway that was not seen is gone
   */
  takeChanges(now: number, mayLeave: boolean, limit: number): PresenceChange[] {
    const changes: PresenceChange[] = []
    for (const field of this.#pending) {
      if (changes.length >= limit) break
      const { topic, key } = placeOf(field)
      const published = this.#published.get(topic)!
      const before = published.get(key)
      const after = this.#sum(field)
      if ((after?.connections ?? 0) < (before?.connections ?? 0) && !(mayLeave && this.#isWhole)) continue
      this.#pending.delete(field)
      const change = changeOf(before, after, now)
      if (change === undefined) continue
      const { data, next } = change
      if (next.connections === 0) published.delete(key)
      else published.set(key, next)
      changes.push({ topic, key, time: next.time, data, hasLeft: next.connections === 0 })
    }
    return changes
  }

  /** Shares of topics that there are: what another process writes into Redis is no reason to fail. */
  #read(field: string, text: string): [string, Share][] {
    const share = decodeShare(text)
    return share === undefined || !this.#published.has(placeOf(field).topic) ? [] : [[field, share]]
  }

  #compareLater(shares: ReadonlyMap<string, Share> | undefined, others: ReadonlyMap<string, Share> | undefined): void {
    for (const [field, share] of shares ?? []) if (!isSame(share, others?.get(field))) this.#pending.add(field)
  }

  #sum(field: string): Share | undefined {
    let sum: Share | undefined
    for (const { shares } of this.#gateways.values()) {
      const share = shares.get(field)
      if (share !== undefined) sum = sum === undefined ? share : added(sum, share)
    }
    return sum
  }
}

function added(a: Share, b: Share): Share {
  const state = newer(a.state, b.state)
  return {
    connections: a.connections + b.connections,
    joinedAt: Math.min(a.joinedAt, b.joinedAt),
    ...(state !== undefined && { state }),
  }
}

function newer(a: SaidState | undefined, b: SaidState | undefined): SaidState | undefined {
  return a === undefined || (b !== undefined && b.at > a.at) ? b : a
}

function isSame(a: Share, b: Share | undefined): boolean {
  return (
    b !== undefined && a.connections === b.connections && a.state?.at === b.state?.at && a.state?.json === b.state?.json
  )
}

/** The event that leads from what is known to what is; `undefined` where both are the same. */
function changeOf(
  before: PublishedPresence | undefined,
  after: Share | undefined,
  now: number,
): { readonly data: string; readonly next: PublishedPresence } | undefined {
  const [connections, state] = [after?.connections ?? 0, after?.state?.json]
  if (connections === (before?.connections ?? 0) && state === before?.state) return undefined
  // Whoever stays has not joined again, whichever of its connections are left.
  const joinedAt = before?.joinedAt ?? after!.joinedAt
  // An event of an earlier time would not replace what is stored: clocks may be set back.
  const time = Math.max(now, before?.time ?? 0)
  const presence: Omit<Presence, 'state'> = { connections, joinedAt }
  const shown = JSON.stringify(presence)
  return {
    data: state === undefined ? shown : `${shown.slice(0, -1)},"state":${state}}`,
    next: { connections, joinedAt, time, ...(state !== undefined && { state }) },
  }
}

/** What an event says, if it is one of a presence topic. @param json of the event */
export function readPublished(json: string): PublishedPresence | undefined {
  const { time, data } = JSON.parse(json) as { readonly time: number; readonly data?: Partial<Presence> | null }
  if (typeof data?.connections !== 'number' || typeof data.joinedAt !== 'number') return undefined
  const { connections, joinedAt, state } = data
  return { connections, joinedAt, time, ...(state !== undefined && { state: JSON.stringify(state) }) }
}
