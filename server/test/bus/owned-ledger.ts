import { afterAll, beforeAll, beforeEach } from 'vitest'
import { openCommandConnection, type Redis, untilReady } from '../../src/bus/connection.ts'
import { Guard } from '../../src/bus/guard.ts'
import type { CommitOperation, CommitReply, CommitRequest, LogVersion, OwnerLedger } from '../../src/bus/index.ts'
import { openTopology } from '../../src/bus/topology.ts'
import { ledgerOf, logOf } from '../support/bus.ts'
import { startTestRedis, type TestRedis } from '../support/redis.ts'

/** A real Redis with one partition, empty and owned by the test at the begin of each. */
export class OwnedLedger {
  redis!: Redis
  token!: string
  log!: LogVersion
  #server!: TestRedis
  #commits = 0
  readonly #guard = new Guard('commit')

  async start(): Promise<void> {
    this.#server = await startTestRedis()
    this.redis = openCommandConnection(this.#server.url, 'test')
    await untilReady(this.redis, 5_000)
  }

  async beginAnew(): Promise<void> {
    await this.redis.flushall()
    await openTopology(this.redis, 1)
    const reply = await this.ledger.take()
    if (reply.status !== 'ok') throw new Error(reply.status)
    this.token = reply.ownership.token
    this.log = await logOf(this.redis, 0).version()
    this.#commits = 0
  }

  async close(): Promise<void> {
    this.redis.disconnect()
    await this.#server.close()
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

export function ownLedger(): OwnedLedger {
  const owned = new OwnedLedger()
  beforeAll(() => owned.start())
  afterAll(() => owned.close())
  beforeEach(() => owned.beginAnew())
  return owned
}
