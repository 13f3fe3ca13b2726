import { currentHash } from '../hash-name.ts'
import { keys } from '../keys.ts'
import { type LogVersion, type Refusal, refusalOf } from '../log/log-version.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'
import { Ledger } from './ledger.ts'

const SUSPECT_SCRIPT: Script = loadScript('suspect', { allowOom: true, include: ['lineage', 'owner'] })
const TRIM_SCRIPT: Script = loadScript('trim', { allowOom: true, include: ['lineage', 'owner'] })
const EXPIRE_SCRIPT: Script = loadScript('expire-current', { allowOom: true, include: ['owner'] })
/** Also in a full Redis: freed memory has to be noted. */
const BYTES_SCRIPT: Script = loadScript('note-bytes', { allowOom: true, include: ['owner'] })

/** The outcome of one call of `expireCurrent`. */
export interface ExpiredPage {
  /** Cursor of the next call; `0` at the end. */
  readonly next: string
  readonly seen: number
  readonly removed: number
}

export interface ExpireOptions {
  readonly retentionMs: number
  readonly cursor: string
  /** Approximate number of results to look at. */
  readonly count: number
}

/** The ledger of a partition's owner, who also keeps the partition's logs and latest results in bounds. */
export class OwnerLedger extends Ledger {
  constructor(partition: number, channel: Channel, generation?: () => number) {
    super({ partition }, channel, generation)
  }

  /** Notes the event that is about to be folded, until the next commit. @returns the refusal, if any */
  async noteSuspect(log: LogVersion, token: string, suspect: string): Promise<Refusal | undefined> {
    const args = [log.epoch, log.lineage, token, suspect]
    return refusalOf(await this.channel.script(SUSPECT_SCRIPT, [keys.meta(this.partition)], args))
  }

  /**
   * Removes entries of a topic below a stream id.
   *
   * @param options.exactly every one of them, and not just what is free to remove at node borders
   * @returns the refusal, if any
   */
  async trim(
    log: LogVersion,
    token: string,
    topic: string,
    lowestKept: string,
    { exactly = false } = {},
  ): Promise<Refusal | undefined> {
    const scriptKeys = [keys.meta(this.partition), keys.log(this.partition, topic)]
    const args = [log.epoch, log.lineage, token, topic, lowestKept, exactly ? '=' : '~']
    const reply = await this.channel.script(TRIM_SCRIPT, scriptKeys, args)
    return typeof reply === 'number' ? undefined : refusalOf(reply)
  }

  /**
   * Estimates the bytes of logs in Redis from a few entries of each, and notes the sum: appends are refused above a
   * limit. The note is refused for anybody but the partition's owner.
   */
  async noteLogBytes(token: string, topics: readonly string[]): Promise<void> {
    const logs = topics.map((topic) => keys.log(this.partition, topic))
    await this.channel.script(BYTES_SCRIPT, [keys.meta(this.partition)], [token, await this.bytesOf(logs)])
  }

  /**
   * Among about `count` latest results of a topic, removes those whose entries are older than its retention by Redis'
   * clock. Does nothing for anybody but the partition's owner.
   */
  async expireCurrent(token: string, topic: string, options: ExpireOptions): Promise<ExpiredPage> {
    const { retentionMs, cursor, count } = options
    const scriptKeys = [keys.meta(this.partition), keys.owned(this.partition, currentHash(topic))]
    const reply = await this.channel.script(EXPIRE_SCRIPT, scriptKeys, [token, retentionMs, cursor, count])
    if (reply === 'FENCED') return { next: '0', seen: 0, removed: 0 }
    const [next, seen, removed] = reply as [string, number, number]
    return { next, seen, removed }
  }
}
