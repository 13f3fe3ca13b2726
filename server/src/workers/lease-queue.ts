import { type ConnectionOptions, Queue, Worker } from 'bullmq'
import { LEASE_QUEUE, QUEUE_PREFIX, queueConnectionOptions } from '../bus/index.ts'

interface LeaseJob {
  readonly partition: number
}

/**
 * BullMQ's part: which worker runs which partition. A job is a lease on a partition, held for as long as the partition is
 * owned; a dead worker's job stalls and goes to another one. Whether an owner may commit is decided elsewhere.
 */
export class LeaseQueue {
  readonly #queue: Queue<LeaseJob>
  readonly #worker: Worker<LeaseJob>

  /** @param run owns the partition until it is released or lost; it MUST NOT reject. */
  constructor(redisUrl: string, workerId: string, concurrency: number, run: (partition: number) => Promise<void>) {
    const prefix = QUEUE_PREFIX
    this.#queue = new Queue(LEASE_QUEUE, { connection: connectionTo(redisUrl, `${workerId}-jobs`), prefix })
    this.#worker = new Worker<LeaseJob>(LEASE_QUEUE, (job) => run(job.data.partition), {
      connection: connectionTo(redisUrl, `${workerId}-leases`),
      prefix,
      concurrency,
      // With these a partition is taken over 1.4-1.6 s after its worker was killed; BullMQ's defaults need over 10 s.
      lockDuration: 1_500,
      stalledInterval: 500,
      drainDelay: 1,
      // A partition killed twice must come back a third time.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    })
    // A lost lock or an unreachable Redis is met by fencing and retries; without listeners the process would end.
    this.#queue.on('error', () => {})
    this.#worker.on('error', () => {})
  }

  /** Offers a partition. At most one offer per partition waits, even from inside its own active job. */
  async offer(partition: number): Promise<void> {
    await this.#queue.add(
      'lease',
      { partition },
      {
        deduplication: { id: `partition-${partition}`, keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
        attempts: 1,
      },
    )
  }

  /** Takes no further leases. */
  async pause(): Promise<void> {
    await this.#worker.pause(true)
  }

  /** Running leases MUST have ended. */
  async close(): Promise<void> {
    await this.#worker.close()
    await this.#queue.close()
  }
}

/** BullMQ's option types are stricter than ioredis' about optional properties, not about what they accept. */
function connectionTo(redisUrl: string, name: string): ConnectionOptions {
  return queueConnectionOptions(redisUrl, name) as ConnectionOptions
}
