import { Redis } from 'ioredis'
import { type HostAndPort, placeName, type SentinelAddress } from '../../redis-address.ts'
import { connectorOf, openSocket } from './connector.ts'

/** Where a Sentinel says that the master is. */
export interface Master {
  readonly place: HostAndPort
  /** Number of the failover that made it the master: of two Sentinels the one with the higher number is up to date. */
  readonly epoch: number
}

/** What a Sentinel knows of the group that it belongs to. */
export interface SentinelView {
  readonly master: Master
  /** Sentinels that watch the master, this one included. */
  readonly sentinels: number
  readonly replicas: number
  /** Why no failover is possible now, in its words. */
  readonly noFailover: string | undefined
}

/** A Sentinel that says nothing for this long is passed over. */
const ANSWER_MS = 500
const SILENCE_MS = 1_500
const CONNECT_MS = 1_000

/** One Sentinel. Its connection opens with the first question, and is closed by `close`. */
export class Sentinel {
  readonly #at: HostAndPort
  readonly #address: SentinelAddress
  #redis: Redis | undefined
  /** Of its connection. It says more than that a command could not be sent. */
  #error: Error | undefined

  constructor(at: HostAndPort, address: SentinelAddress) {
    this.#at = at
    this.#address = address
  }

  /** @throws the error of the connection, or the answer of the Sentinel */
  async master(): Promise<Master> {
    const { master } = await this.#ask()
    return master
  }

  /** @throws as `master` */
  async view(): Promise<SentinelView> {
    const { master, field } = await this.#ask()
    const noFailover = await this.#redis!.call('SENTINEL', 'CKQUORUM', this.#address.name).then(
      () => undefined,
      // A user who may only ask for masters may not ask for this.
      ({ message }: Error) => (message.startsWith('NOQUORUM') ? message : undefined),
    )
    return { master, sentinels: field('num-other-sentinels') + 1, replicas: field('num-slaves'), noFailover }
  }

  async #ask(): Promise<{ readonly master: Master; readonly field: (name: string) => number }> {
    const { name, nat } = this.#address
    this.#redis ??= this.#open()
    const redis = this.#redis
    try {
      // The first names the new master as soon as it is one, the second knows the number of that failover by then.
      const [place, fields] = (await Promise.all([
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
        redis.call('SENTINEL', 'MASTER', name),
      ])) as [[host: string, port: string] | null, readonly string[]]
      if (place === null) throw new Error('ERR No such master with that name')
      const inside = { host: place[0], port: Number(place[1]) }
      const field = (of: string) => Number(fields[fields.indexOf(of) + 1])
      return { master: { place: nat.get(placeName(inside)) ?? inside, epoch: field('config-epoch') }, field }
    } catch (error) {
      throw this.#error ?? error
    }
  }

  close(): void {
    this.#redis?.disconnect()
    this.#redis = undefined
    this.#error = undefined
  }

  #open(): Redis {
    const { tls, sentinelUser, sentinelPassword } = this.#address
    const redis = new Redis({
      Connector: connectorOf({ open: async () => openSocket(this.#at, tls), refusalOf: () => undefined }),
      ...(tls !== undefined && { tls: {} }),
      ...(sentinelUser !== '' && { username: sentinelUser }),
      ...(sentinelPassword !== '' && { password: sentinelPassword }),
      connectionName: 'tidegate',
      // A user who may only ask for masters may not run INFO.
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_MS,
      commandTimeout: ANSWER_MS,
      socketTimeout: SILENCE_MS,
      retryStrategy: () => ANSWER_MS,
    })
    redis.on('error', (error: Error) => {
      this.#error = error
    })
    redis.on('ready', () => {
      this.#error = undefined
    })
    return redis
  }
}
