import { Redis } from 'ioredis'
import type { HostAndPort, RedisTls } from '../../redis-address.ts'
import { connectorOf, openSocket } from './connector.ts'

/** How somebody is asked. */
export interface InformantLogin {
  readonly tls: RedisTls | undefined
  readonly username: string
  readonly password: string
}

/** One that says nothing for this long is passed over. */
const ANSWER_MS = 500
const SILENCE_MS = 1_500
const CONNECT_MS = 1_000

/** Somebody who knows where a Redis is. Its connection opens with the first question, and is closed by `close`. */
export class Informant {
  readonly at: HostAndPort
  readonly #login: InformantLogin
  #redis: Redis | undefined
  /** Of its connection. It says more than that a command could not be sent. */
  #error: Error | undefined

  constructor(at: HostAndPort, login: InformantLogin) {
    this.at = at
    this.#login = login
  }

  /** @throws the error of the connection, or what the question throws */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    this.#redis ??= this.#open()
    try {
      return await question(this.#redis)
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
    const { tls, username, password } = this.#login
    const redis = new Redis({
      Connector: connectorOf({ open: async () => openSocket(this.at, tls), refusalOf: () => undefined }),
      ...(tls !== undefined && { tls: {} }),
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      connectionName: 'tidegate',
      // A user who may only ask where a Redis is may not run INFO.
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
