import { type ConnectionOptions, Queue, Worker } from 'bullmq'
import { type Bus, internalsOf } from '../bus.ts'
import { BusFull, MEMORY_FULL } from '../errors.ts'
import { QUEUE_PREFIX } from '../keys.ts'
import type { Channel } from '../nodes/channel.ts'
import { answersOf } from '../redis/answers-of.ts'
import { queueConnectionOptions } from '../redis/connection.ts'
import { slotOf } from '../redis/hash-slot.ts'
import { isFull } from '../redis/outage.ts'

/** With these a partition is taken over 1.4-1.6 s after its worker was killed; BullMQ's defaults need over 10 s. */
const LOCK_MS = 1_500
const STALLED_EVERY_MS = 500

/** A kind of job. Its data names a piece of work that one worker holds, never events. */
export interface JobKind<Data> {
  readonly queue: string
  /** Two jobs with one id are the same piece of work. */
  readonly idOf: (data: Data) => string
}

/** Offers jobs of one kind. */
export class JobOffers<Data extends object> {
  readonly #kind: JobKind<Data>
  readonly #queue: Queue<Data>

  constructor(bus: Bus, kind: JobKind<Data>) {
    this.#kind = kind
    this.#queue = new Queue(kind.queue, {
      connection: connectionTo(bus, `${kind.queue}-offers`),
      prefix: QUEUE_PREFIX,
    })
    // Retries handle an unreachable Redis; without a listener the process would end.
    this.#queue.on('error', () => {})
  }

  /** At most one offer of an id waits, even if it is made inside the id's own active job. @throws BusFull */
  async offer(data: Data): Promise<void> {
    const options = {
      deduplication: { id: this.#kind.idOf(data), keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
      attempts: 1,
    }
    try {
      // BullMQ's types derive names and results from the data type, which is generic here.
      await (this.#queue as Queue).add(this.#kind.queue, data, options)
    } catch (error) {
      throw isFull(error as Error) ? new BusFull(MEMORY_FULL) : error
    }
  }

  async close(): Promise<void> {
    await this.#queue.close()
  }
}

/**
 * BullMQ's part: it assigns work to workers. A job is a lease, held for as long as the work lasts; a dead worker's job
 * stalls and goes to another worker. Whether its holder may commit is decided elsewhere.
 */
export class JobQueue<Data extends object> {
  readonly #offers: JobOffers<Data>
  readonly #worker: Worker<Data>
  readonly #channel: Channel

  /** @param run holds the job until it resolves; it MUST NOT reject. `report` shows its progress in the queue. */
  constructor(bus: Bus, kind: JobKind<Data>, run: (data: Data, report: (progress: object) => void) => Promise<void>) {
    this.#offers = new JobOffers(bus, kind)
    this.#channel = internalsOf(bus).channel(QUEUE_PREFIX, 'jobs')
    this.#worker = new Worker<Data>(
      kind.queue,
      (job) => run(job.data, (progress) => void job.updateProgress(progress).catch(() => {})),
      {
        connection: connectionTo(bus, kind.queue),
        prefix: QUEUE_PREFIX,
        // One slot for every partition: BullMQ does not wake a full worker when its concurrency is raised.
        concurrency: bus.partitions,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_EVERY_MS,
        drainDelay: 1,
        // A partition killed twice must come back a third time.
        maxStalledCount: Number.MAX_SAFE_INTEGER,
      },
    )
    // Fencing and retries handle a lost lock or an unreachable Redis; without a listener the process would end.
    this.#worker.on('error', () => {})
  }

  /** @throws BusFull */
  offer(data: Data): Promise<void> {
    return this.#offers.offer(data)
  }

  /**
   * Keeps jobs running after Redis' clock was set back. Expiries follow that clock: after a step back by an hour, the
   * lock of a dead worker and the pause between checks for stalled jobs would last an hour longer.
   *
   * @throws BusUnavailable
   */
  async boundExpiries(): Promise<void> {
    const key = (name: string) => this.#worker.toKey(name)
    await this.#channel.run(async (redis) => {
      const pipeline = redis.pipeline().pexpire(key('stalled-check'), STALLED_EVERY_MS, 'LT')
      for (const id of await redis.lrange(key('active'), 0, -1)) pipeline.pexpire(key(`${id}:lock`), LOCK_MS, 'LT')
      await answersOf(pipeline)
    })
  }

  /** Accepts no further jobs. */
  async pause(): Promise<void> {
    await this.#worker.pause(true)
  }

  /** Accepts jobs again. */
  resume(): void {
    this.#worker.resume()
  }

  /** Running jobs MUST have ended. */
  async close(): Promise<void> {
    await this.#worker.close()
    await this.#offers.close()
  }
}

/** BullMQ's option types are stricter than ioredis' about optional properties, not about what they accept. */
function connectionTo(bus: Bus, purpose: string): ConnectionOptions {
  const { url, name } = internalsOf(bus)
  return queueConnectionOptions(url, `${name}-${purpose}`, { slot: slotOf(QUEUE_PREFIX) }) as ConnectionOptions
}
