import { HEARTBEAT_FRESH_MS } from '../heartbeat.ts'
import { keys } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'

/** Also in a full Redis: what a gateway reports is bounded, and everybody would seem to have left. */
const REPORT_SCRIPT: Script = loadScript('presence-report', { allowOom: true, include: ['packed', 'owner'] })
const LOOK_SCRIPT: Script = loadScript('presence-look', { allowOom: true, include: ['owner'] })
/** Characters of one answer, but for the last gateway in it. */
const MAX_ANSWER_CHARS = 1_000_000

/** What of a gateway's shares in a partition has changed. */
export interface PresenceReport {
  readonly gateway: string
  /** The turn of the report that this one builds on; absent where `set` is everything. */
  readonly base?: number
  /** Grows from report to report; the same as `base` where nothing has changed. */
  readonly turn: number
  readonly set: readonly (readonly [field: string, value: string])[]
  readonly remove: readonly string[]
}

/** `empty`: nobody is left, so nothing is stored. `anew`: what is stored is not what the report builds on. */
export type PresenceReply = 'ok' | 'empty' | 'anew'

/** A gateway that is alive, and what it reports: `known` is what was known of this turn, `left` waits for the next look. */
export interface SeenGateway {
  readonly gateway: string
  readonly turn: string
  readonly shares: 'known' | 'left' | readonly (readonly [field: string, value: string])[]
}

/**
 * Who is connected to which gateway, in one partition: each gateway writes its own share, and the partition's owner looks at
 * those of all that are alive. Every call rejects with BusUnavailable when Redis does not answer.
 */
export class PresenceStore {
  readonly #partition: number
  readonly #channel: Channel

  constructor(partition: number, channel: Channel) {
    this.#partition = partition
    this.#channel = channel
  }

  /** Stores a report and counts as a heartbeat. One call of a gateway at a time. */
  async report({ gateway, base, turn, set, remove }: PresenceReport): Promise<PresenceReply> {
    const scriptKeys = [keys.presence(this.#partition), keys.presenceOf(this.#partition, gateway)]
    const args = [gateway, base ?? '', turn, set.length, ...set.flat(), ...remove]
    const reply = await this.#channel.script(REPORT_SCRIPT, scriptKeys, args)
    return (reply as string).toLowerCase() as PresenceReply
  }

  /** The gateways whose heartbeat is fresh. @param known gateway -> turn of what is known of it */
  async look(known: ReadonlyMap<string, string>): Promise<SeenGateway[]> {
    const args = [keys.presenceOf(this.#partition, ''), HEARTBEAT_FRESH_MS, MAX_ANSWER_CHARS, ...[...known].flat()]
    const reply = await this.#channel.readScript(LOOK_SCRIPT, [keys.presence(this.#partition)], args)
    return (reply as [string, string, 0 | 1 | string[]][]).map(([gateway, turn, shares]) => ({
      gateway,
      turn,
      shares: Array.isArray(shares) ? pairs(shares) : shares === 0 ? 'known' : 'left',
    }))
  }
}

function pairs(flat: readonly string[]): (readonly [string, string])[] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!])
}
