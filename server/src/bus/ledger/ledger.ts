import { randomBytes } from 'node:crypto'
import { FIRST } from '../contract/contract-head.ts'
import { HEARTBEAT_FRESH_MS } from '../heartbeat.ts'
import { keys } from '../keys.ts'
import type { LogVersion } from '../log/log-version.ts'
import type { Channel } from '../nodes/channel.ts'
import { loadScript, type Script } from '../redis/script.ts'
import { type CommitReply, type CommitRequest, commit } from './commit.ts'
import { type LedgerPlace, ledgerKey, ownedKey } from './ledger-place.ts'

const TAKE_SCRIPT: Script = loadScript('take', { allowOom: true, include: ['lineage', 'owner'] })
const HEARTBEAT_SCRIPT: Script = loadScript('heartbeat', { allowOom: true, include: ['owner'] })
/** Fields of one HSCAN step. */
const SCAN_COUNT = 1_000

/** What a new owner takes over. */
export interface Ownership {
  readonly token: string
  /** How often the ledger was taken since its last commit or release: above two, something is killing its owners. */
  readonly takes: number
  /** What an earlier owner noted before it ended without a commit; empty for nothing. */
  readonly suspect: string
  /** The owner before has not released it: it ended, or hangs. */
  readonly isLeft: boolean
}

export type TakeReply =
  | { readonly status: 'ok'; readonly ownership: Ownership }
  | { readonly status: 'held'; readonly staleInMs: number }
  | { readonly status: 'lineage'; readonly stored: string; readonly current: string }
  /** The partition was taken under a later contract than this worker's. */
  | { readonly status: 'newer' }

/** What the next commit of a partition's owner builds on. */
export interface LedgerHead {
  /** The log that it belongs to. */
  readonly log: LogVersion
  readonly commitSeq: number
  readonly offsets: string
  readonly clocks: string
}

/**
 * Everything that only one owner at a time may write in a partition: hashes of state, outputs, and offsets. An owner takes it,
 * keeps it by heartbeats, writes it by commits, and releases it. Every call rejects with BusUnavailable when Redis does
 * not answer.
 */
export class Ledger {
  readonly partition: number
  protected readonly channel: Channel
  protected readonly place: LedgerPlace
  readonly #generation: () => number

  /** @param generation of the contract of whoever takes it */
  constructor(place: LedgerPlace, channel: Channel, generation: () => number = () => FIRST) {
    this.partition = place.partition
    this.place = place
    this.channel = channel
    this.#generation = generation
  }

  /** Becomes the owner, unless another owner is alive, or one of a later contract was. */
  async take(): Promise<TakeReply> {
    const scriptKeys = [keys.meta(this.partition), ledgerKey(this.place)]
    const args = [randomBytes(8).toString('hex'), HEARTBEAT_FRESH_MS, this.#generation()]
    const reply = (await this.channel.script(TAKE_SCRIPT, scriptKeys, args)) as
      | ['OK', string, number, string, 0 | 1]
      | ['HELD', number]
      | ['LINEAGE', string, string]
      | ['NEWER']
    switch (reply[0]) {
      case 'OK':
        return {
          status: 'ok',
          ownership: { token: reply[1], takes: reply[2], suspect: reply[3], isLeft: reply[4] === 1 },
        }
      case 'HELD':
        return { status: 'held', staleInMs: reply[1] }
      case 'LINEAGE':
        return { status: 'lineage', stored: reply[1], current: reply[2] }
      case 'NEWER':
        return { status: 'newer' }
    }
  }

  /** Renews the heartbeat. False when somebody else owns the ledger. */
  beat(token: string): Promise<boolean> {
    return this.#beat(token, '0')
  }

  /** Releases the ledger: it can be taken at once. False when somebody else owns it. */
  release(token: string): Promise<boolean> {
    return this.#beat(token, '1')
  }

  /**
   * @throws BusUnavailable (send the same request again), BusMismatch on a foreign key; for a backfill also BusFull.
   */
  commit(request: CommitRequest): Promise<CommitReply> {
    return commit(this.channel, this.place, request)
  }

  /** The committed state of the partition's owner, whichever ledger this is. */
  async head(): Promise<LedgerHead> {
    const meta = keys.meta(this.partition)
    const [epoch, lineage, commitSeq, offsets, clocks] = await this.channel.run((redis) =>
      redis.hmget(meta, 'epoch', 'lineage', 'commitSeq', 'offsets', 'clocks'),
    )
    return {
      log: { epoch: epoch ?? '', lineage: lineage ?? '' },
      commitSeq: Number(commitSeq ?? 0),
      offsets: offsets ?? '',
      clocks: clocks ?? '',
    }
  }

  /** All fields of some hashes, in steps that hold Redis only for a moment. */
  async load(hashes: readonly string[]): Promise<Map<string, (readonly [field: string, value: string])[]>> {
    return new Map(await Promise.all(hashes.map(async (hash) => [hash, await this.#fields(hash)] as const)))
  }

  async #fields(hash: string): Promise<(readonly [field: string, value: string])[]> {
    const key = ownedKey(this.place, hash)
    // HSCAN may return a field twice, but never misses one that stays: the map keeps each once.
    const fields = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, page] = await this.channel.read((redis) => redis.hscan(key, cursor, 'COUNT', SCAN_COUNT))
      for (let i = 0; i < page.length; i += 2) fields.set(page[i]!, page[i + 1]!)
      cursor = next
    } while (cursor !== '0')
    return [...fields]
  }

  /** Bytes that hashes take in Redis, estimated from a few fields of each. */
  memoryOf(hashes: readonly string[]): Promise<number> {
    return this.bytesOf(hashes.map((hash) => ownedKey(this.place, hash)))
  }

  /** Bytes that keys of the partition take in Redis, estimated from a few entries of each. */
  protected async bytesOf(measured: readonly string[]): Promise<number> {
    const bytes = await this.channel.run((redis) => Promise.all(measured.map((key) => redis.memory('USAGE', key))))
    return bytes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  }

  async #beat(token: string, release: '0' | '1'): Promise<boolean> {
    const args = [token, release, this.#generation()]
    return (await this.channel.script(HEARTBEAT_SCRIPT, [ledgerKey(this.place)], args)) === 'OK'
  }
}
