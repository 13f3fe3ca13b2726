import type { Lane } from '@tidegate/protocol'
import { openTopology } from '../../../server/src/bus/contract/topology.ts'
import { type EventBody, encodeEvent, RecordBatchBuilder } from '../../../server/src/bus/index.ts'
import { openCommandConnection, type Redis, untilReady } from '../../../server/src/bus/redis/connection.ts'
import { logOf } from '../../../server/test/support/bus.ts'

/** Default number of partitions. */
export const PARTITIONS = 8

/** Events of one record batch, as gateways have them under load. */
export const BATCH_EVENTS = 100

/** Fills logs as gateways would. */
export class LogFiller {
  readonly #redis: Redis

  private constructor(redis: Redis) {
    this.#redis = redis
  }

  static async open(redisUrl: string): Promise<LogFiller> {
    const redis = openCommandConnection(redisUrl, 'bench-fill')
    await untilReady(redis, 5_000)
    await openTopology(() => redis, PARTITIONS)
    return new LogFiller(redis)
  }

  /** Appends one record batch. The events MUST belong to the partition. */
  async append(partition: number, topic: string, events: readonly EventBody[], lane: Lane = 'low'): Promise<void> {
    const builder = new RecordBatchBuilder()
    builder.addSlice(
      events.map(({ id, key, time, data }) => {
        return { key, lane, time, json: encodeEvent(id, key, time, undefined, JSON.stringify(data)) }
      }),
    )
    const batches = [{ topic, ...builder.build() }]
    const slices = [{ batch: 0, lastIndex: builder.count - 1, identity: undefined }]
    const { status } = await logOf(this.#redis, partition, 'append').append({ batches, slices })
    if (status !== 'ok') throw new Error(`the append was refused: ${status}`)
  }

  close(): void {
    this.#redis.disconnect()
  }
}
