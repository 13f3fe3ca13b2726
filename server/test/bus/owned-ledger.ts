import { beforeEach } from 'vitest'
import type { CommitOperation, CommitReply, CommitRequest, LogVersion, OwnerLedger } from '../../src/bus/index.ts'
import { Guard } from '../../src/bus/nodes/guard.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import { ledgerOf, logOf } from '../support/bus.ts'
import { useRedis } from '../support/use-redis.ts'

/** A real Redis with one partition, empty and owned by the test at the begin of each. */
export class OwnedLedger {
  readonly redis: Redis
  token!: string
  log!: LogVersion
  #commits = 0
  readonly #guard = new Guard('commit')

  constructor(redis: Redis) {
    this.redis = redis
  }

  async beginAnew(): Promise<void> {
    const reply = await this.ledger.take()
    if (reply.status !== 'ok') throw new Error(reply.status)
    this.token = reply.ownership.token
    this.log = await logOf(this.redis, 0).version()
    this.#commits = 0
  }

  get ledger(): OwnerLedger {
    return ledgerOf(this.redis, 0, this.#guard)
  }

  /** What builds on the last commit that was stored. */
  request(operations: readonly CommitOperation[], changes: Partial<CommitRequest> = {}): CommitRequest {
    const { log, token } = this
    const [commitSeq, commitId] = [this.#commits, `c-${this.#commits}`]
    return { log, token, commitSeq, commitId, offsetsBefore: '', offsets: '', clocks: '{}', operations, ...changes }
  }

  async send(request: CommitRequest): Promise<CommitReply> {
    const reply = await this.ledger.commit(request)
    if (reply.status === 'ok') this.#commits = request.commitSeq + 1
    return reply
  }

  commit(...operations: readonly CommitOperation[]): Promise<CommitReply> {
    return this.send(this.request(operations))
  }
}

export async function ownLedger(): Promise<OwnedLedger> {
  const { redis } = await useRedis({ partitions: 1 })
  const owned = new OwnedLedger(redis)
  beforeEach(() => owned.beginAnew())
  return owned
}
