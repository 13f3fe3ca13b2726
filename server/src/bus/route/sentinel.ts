import { type HostAndPort, placeName, type SentinelAddress } from '../../redis-address.ts'
import { Informant } from './informant.ts'

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

/** One Sentinel. */
export class Sentinel {
  readonly #informant: Informant
  readonly #address: SentinelAddress

  constructor(at: HostAndPort, address: SentinelAddress) {
    const { tls, sentinelUser, sentinelPassword } = address
    this.#informant = new Informant(at, { tls, username: sentinelUser, password: sentinelPassword })
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
    const noFailover = await this.#informant
      .ask((redis) => redis.call('SENTINEL', 'CKQUORUM', this.#address.name))
      .then(
        () => undefined,
        // A user who may only ask for masters may not ask for this.
        ({ message }: Error) => (message.startsWith('NOQUORUM') ? message : undefined),
      )
    return { master, sentinels: field('num-other-sentinels') + 1, replicas: field('num-slaves'), noFailover }
  }

  #ask(): Promise<{ readonly master: Master; readonly field: (name: string) => number }> {
    const { name, nat } = this.#address
    return this.#informant.ask(async (redis) => {
      // The first names the new master as soon as it is one, the second knows the number of that failover by then.
      const [place, fields] = (await Promise.all([
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
        redis.call('SENTINEL', 'MASTER', name),
      ])) as [[host: string, port: string] | null, readonly string[]]
      if (place === null) throw new Error('ERR No such master with that name')
      const inside = { host: place[0], port: Number(place[1]) }
      const field = (of: string) => Number(fields[fields.indexOf(of) + 1])
      return { master: { place: nat.get(placeName(inside)) ?? inside, epoch: field('config-epoch') }, field }
    })
  }

  close(): void {
    this.#informant.close()
  }
}
