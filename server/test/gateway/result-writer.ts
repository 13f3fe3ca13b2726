import { randomUUID } from 'node:crypto'
import { encodeEvent, type LogVersion, partitionOf, RecordBatchBuilder } from '../../src/bus/index.ts'
import type { Redis } from '../../src/bus/redis/connection.ts'
import { ledgerOf, logOf } from '../support/bus.ts'

/** Commits results as the worker of every partition would: each is the next version of its key. */
export class ResultWriter {
  readonly versions = new Map<string, number>()
  readonly #redis: Redis
  readonly #topic: string
  readonly #partitions: { readonly log: LogVersion; readonly token: string; commitSeq: number }[] = []

  constructor(redis: Redis, topic: string) {
    this.#redis = redis
    this.#topic = topic
  }

  async take(partitions: number): Promise<void> {
    for (let partition = 0; partition < partitions; partition++) {
      const reply = await ledgerOf(this.#redis, partition).take()
      if (reply.status !== 'ok') throw new Error(reply.status)
      const log = await logOf(this.#redis, partition).version()
      this.#partitions.push({ log, token: reply.ownership.token, commitSeq: 0 })
    }
  }

  /** One commit in each partition that the keys lie in. A key may come several times. */
  async write(keys: readonly string[]): Promise<void> {
    for (const partition of this.#partitions.keys()) {
      const mine = keys.filter((key) => partitionOf(key, this.#partitions.length) === partition)
      if (mine.length > 0) await this.#commit(partition, mine)
    }
  }

  async #commit(partition: number, keys: readonly string[]): Promise<void> {
    const owner = this.#partitions[partition]!
    const builder = new RecordBatchBuilder()
    const latest = new Map<string, { key: string; index: number; from: number; bytes: number }>()
    let from = 0
    builder.addSlice(
      keys.map((key, index) => {
        const version = (this.versions.get(key) ?? 0) + 1
        this.versions.set(key, version)
        const json = encodeEvent(`${key}/${version}`, key, version, undefined, JSON.stringify({ value: { version } }))
        latest.set(key, { key, index, from, bytes: json.length })
        from += json.length + 1
        return { key, lane: 'low', time: version, json }
      }),
    )
    const reply = await ledgerOf(this.#redis, partition).commit({
      log: owner.log,
      token: owner.token,
      commitSeq: owner.commitSeq++,
      commitId: randomUUID(),
      offsetsBefore: '',
      offsets: '',
      clocks: '{}',
      operations: [
        { op: 'append', topic: this.#topic, ...builder.build(), watermark: 1, latest: [...latest.values()] },
      ],
    })
    if (reply.status !== 'ok') throw new Error(reply.status)
  }
}
