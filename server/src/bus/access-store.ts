import { randomUUID } from 'node:crypto'
import { keys } from './keys.ts'
import type { Channel } from './nodes/channel.ts'
import { answersOf } from './redis/answers-of.ts'

/** Records by id, as their owner wrote them. */
export interface AccessData {
  readonly version: string
  readonly keys: ReadonlyMap<string, string>
  readonly revocations: ReadonlyMap<string, string>
}

/** Records of who is let in. Their content is their owner's. Every call rejects with BusUnavailable when Redis does not answer. */
export class AccessStore {
  readonly #channel: Channel

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** Of the last change; one that differs means that `load` may find something else. */
  version(): Promise<string> {
    return this.#channel.run(async (redis) => (await redis.get(keys.accessVersion)) ?? '0')
  }

  /** Everything, as of one moment. */
  load(): Promise<AccessData> {
    return this.#channel.read(async (redis) => {
      const everything = redis.multi().get(keys.accessVersion).hgetall(keys.accessKeys).hgetall(keys.revocations)
      const [version, accessKeys, revocations] = (await answersOf(everything)) as [
        string | null,
        Record<string, string>,
        Record<string, string>,
      ]
      return {
        version: version ?? '0',
        keys: new Map(Object.entries(accessKeys)),
        revocations: new Map(Object.entries(revocations)),
      }
    })
  }

  putKey(id: string, record: string): Promise<void> {
    return this.#change((redis) => redis.hset(keys.accessKeys, id, record))
  }

  /** @param records by name @param keyIds of the API keys that they are about, which are removed */
  putRevocations(records: Readonly<Record<string, string>>, keyIds: readonly string[]): Promise<void> {
    return this.#change((transaction) => {
      transaction.hset(keys.revocations, records)
      if (keyIds.length > 0) transaction.hdel(keys.accessKeys, ...keyIds)
    })
  }

  removeRevocations(names: readonly string[]): Promise<void> {
    return this.#change((redis) => redis.hdel(keys.revocations, ...names))
  }

  putTicket(hash: string, record: string, lifeMs: number): Promise<void> {
    return this.#channel.run(async (redis) => {
      await redis.set(keys.ticket(hash), record, 'PX', lifeMs)
    })
  }

  /** The record of a ticket, once. */
  takeTicket(hash: string): Promise<string | undefined> {
    return this.#channel.run(async (redis) => (await redis.getdel(keys.ticket(hash))) ?? undefined)
  }

  #change(write: (transaction: ReturnType<Multi>) => unknown): Promise<void> {
    return this.#channel.run(async (redis) => {
      const transaction = redis.multi()
      write(transaction)
      await answersOf(transaction.set(keys.accessVersion, randomUUID()))
    })
  }
}

type Multi = Parameters<Parameters<Channel['run']>[0]>[0]['multi']
