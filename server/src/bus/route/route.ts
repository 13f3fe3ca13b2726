import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { RedisOptions as AnyRedisOptions } from 'ioredis'
import {
  type HostAndPort,
  parseRedisAddress,
  placeName,
  type RedisAddress,
  type RedisLogin,
} from '../../redis-address.ts'
import { connectionFault } from '../connection-fault.ts'
import { BusUnreachable, NoMaster } from '../errors.ts'
import { connectorOf, openSocket } from './connector.ts'
import type { Master } from './sentinel.ts'
import { type SentinelFacts, Sentinels } from './sentinels.ts'
import { tlsOptions } from './tls-options.ts'

export type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>

/** How often Sentinels are asked while connections are open. */
const WATCH_MS = 500

/** A master that has become a replica says so to writes, and to reads that wait. */
const DEMOTED = /^READONLY |^UNBLOCKED force unblock/

const routes = new Map<string, Route>()

/** The way of this process to the Redis of an address, which all of its connections take. */
export function routeTo(url: string): Route {
  const known = routes.get(url)
  if (known !== undefined) return known
  const route = new Route(parseRedisAddress(url))
  routes.set(url, route)
  return route
}

/**
 * Leads all connections of a process to the same Redis. If that moves, those to the place before are closed, even if
 * somebody still answers there: a reader would wait for ever for what is written elsewhere.
 */
class Route {
  readonly #address: RedisAddress
  readonly #sentinels: Sentinels | undefined
  /** Open ones, with the master they were opened to, where Sentinels named it. */
  readonly #sockets = new Map<Socket, Master | undefined>()
  /** The last that Sentinels named. */
  #master: Master | undefined
  #opening = 0
  #timer: NodeJS.Timeout | undefined

  constructor(address: RedisAddress) {
    this.#address = address
    if (address.kind === 'sentinel') this.#sentinels = new Sentinels(address)
  }

  /** What ioredis needs to take this way. @throws BusUnreachable where a file for TLS cannot be read */
  options(): RedisOptions {
    const address = this.#address
    const way: RedisOptions = {
      Connector: connectorOf({
        open: () => this.#open(),
        refusalOf: (role, isFirst) => (role === 'slave' ? this.#refusal(isFirst) : undefined),
      }),
      reconnectOnError: ({ message }) => {
        if (DEMOTED.test(message)) this.#renew()
        return false
      },
    }
    if (address.kind === 'socket') return way
    const { database, tls, username, password } = address
    return {
      ...way,
      db: database,
      ...(username !== '' && { username }),
      ...(password !== '' && { password }),
      ...(tls !== undefined && { tls: tlsOptions(tls) }),
    }
  }

  /** Who connections log in as; empty where nobody has to. */
  get login(): Pick<RedisLogin, 'username' | 'password'> {
    return this.#address.kind === 'socket' ? { username: '', password: '' } : this.#address
  }

  /** A connection of its own, without the library. The caller closes it. @throws BusUnreachable, also when given up */
  async socket(givenUp: AbortSignal): Promise<Socket> {
    const socket = await this.#open()
    const connected = this.#address.kind !== 'socket' && this.#address.tls !== undefined ? 'secureConnect' : 'connect'
    try {
      await once(socket, connected, { signal: givenUp })
    } catch (error) {
      socket.destroy()
      const cause = (givenUp.aborted ? givenUp.reason : error) as Error
      throw new BusUnreachable(`Redis cannot be used: ${connectionFault(cause).why}`)
    }
    return socket
  }

  /** What its Sentinels know; `undefined` where there are none. They are asked over a connection that is open. */
  async sentinelFacts(): Promise<SentinelFacts | undefined> {
    return this.#sentinels?.facts()
  }

  /** The first connection to a Redis is let through: a start says what it is, and what to do. */
  #refusal(isFirst: boolean): Error | undefined {
    if (this.#sentinels !== undefined)
      return new NoMaster('the Redis that the Sentinels name is still a replica', false)
    if (isFirst) return undefined
    return new NoMaster(
      'it has become a replica, which takes no writes; use the address of its master, or of the Sentinels that choose one ' +
        '(redis+sentinel://host:port/name)',
      false,
    )
  }

  async #open(): Promise<Socket> {
    this.#opening++
    try {
      const address = this.#address
      if (address.kind === 'socket') return this.#hold(openSocket(address, undefined), undefined)
      if (address.kind === 'tcp') {
        return this.#hold(openSocket({ host: address.host, port: address.port }, address.tls), undefined)
      }
      const master = await this.#find()
      return this.#hold(openSocket(master.place, address.tls), master)
    } finally {
      this.#opening--
      this.#rest()
    }
  }

  /** Without Sentinels the master stays where it is. @throws NoMaster */
  async #find(): Promise<Master> {
    try {
      this.#master = await this.#sentinels!.master()
    } catch (error) {
      if (this.#master === undefined) throw error
    }
    return this.#master
  }

  #hold(socket: Socket, master: Master | undefined): Socket {
    this.#sockets.set(socket, master)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#rest()
    })
    if (this.#sentinels !== undefined) this.#timer ??= setInterval(() => void this.#watch(), WATCH_MS)
    return socket
  }

  /** Sentinels are not asked by a process that has no connection: it may be about to end. */
  #rest(): void {
    if (this.#sockets.size > 0 || this.#opening > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#sentinels?.close()
  }

  async #watch(): Promise<void> {
    const now = await this.#find()
    const hasMoved = (before: Master) => now.epoch > before.epoch && !isSame(now.place, before.place)
    for (const [socket, before] of this.#sockets) {
      if (before !== undefined && hasMoved(before)) socket.destroy(new NoMaster('the master has moved', false))
    }
  }

  #renew(): void {
    for (const socket of this.#sockets.keys()) socket.destroy()
  }
}

function isSame(a: HostAndPort, b: HostAndPort): boolean {
  return placeName(a) === placeName(b)
}
