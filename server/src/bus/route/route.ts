import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { RedisOptions as AnyRedisOptions } from 'ioredis'
import { parseRedisAddress, type RedisAddress, type RedisLogin } from '../../redis-address.ts'
import { connectionFault } from '../connection-fault.ts'
import { BusUnreachable, NoMaster } from '../errors.ts'
import { Cluster } from './cluster.ts'
import { connectorOf, openSocket } from './connector.ts'
import { FixedGuide } from './fixed-guide.ts'
import type { Destination, Guide, Target } from './guide.ts'
import { type SentinelFacts, Sentinels } from './sentinels.ts'
import { tlsOptions } from './tls-options.ts'

export type RedisOptions = Omit<AnyRedisOptions, 'replyMapping'>

/** How often those who know where a Redis is are asked while connections are open. */
const WATCH_MS = 500

/** A master that has become a replica says so to writes, and to reads that wait. */
const DEMOTED = /^READONLY |^UNBLOCKED force unblock/

/** Data of no partition may lie on any node: by default on the node of the first slot. */
const ANYWHERE: Target = { slot: 0 }

const routes = new Map<string, Route>()

/** The way of this process to the Redis of an address, which all of its connections take. */
export function routeTo(url: string): Route {
  const known = routes.get(url)
  if (known !== undefined) return known
  const route = new Route(parseRedisAddress(url))
  routes.set(url, route)
  return route
}

function guideTo(address: RedisAddress): Guide {
  switch (address.kind) {
    case 'socket':
      return new FixedGuide({ path: address.path })
    case 'tcp':
      return new FixedGuide({ host: address.host, port: address.port })
    case 'sentinel':
      return new Sentinels(address)
    case 'cluster':
      return new Cluster(address)
  }
}

interface Way {
  readonly target: Target
  readonly destination: Destination
}

/**
 * Leads all connections of a process to the Redis that they are for. If that moves, those to the place before are closed, even
 * if somebody still answers there: a reader would wait for ever for what is written elsewhere.
 */
export class Route {
  readonly #address: RedisAddress
  readonly #guide: Guide
  /** Open ones. */
  readonly #sockets = new Map<Socket, Way>()
  readonly #listeners = new Set<() => void>()
  #opening = 0
  #timer: NodeJS.Timeout | undefined

  constructor(address: RedisAddress) {
    this.#address = address
    this.#guide = guideTo(address)
  }

  /** What ioredis needs to take this way. @throws BusUnreachable where a file for TLS cannot be read */
  options(target: Target = ANYWHERE): RedisOptions {
    const address = this.#address
    const way: RedisOptions = {
      Connector: connectorOf({
        open: () => this.#open(target),
        refusalOf: (role, isFirst) => (role === 'slave' ? this.#refusal(isFirst) : undefined),
      }),
      reconnectOnError: ({ message }) => {
        if (DEMOTED.test(message)) this.#leave(target)
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

  get isCluster(): boolean {
    return this.#address.kind === 'cluster'
  }

  /** The master of a slot by its name, '' where there is one Redis; `undefined` where none is known. */
  nodeOf(slot: number): string | undefined {
    return this.#guide.nodeOf(slot)
  }

  /** The node that a connection leads to; `undefined` while it leads nowhere. */
  nodeAt(socket: Socket | undefined): string | undefined {
    return socket && this.#sockets.get(socket)?.destination.node
  }

  /** Follows what an answer says: that another node serves the slot. */
  learn(error: Error): void {
    if (this.#guide.learn(error)) this.#follow()
  }

  /** Asks where everything is. @throws NoMaster where nobody knows */
  async look(): Promise<void> {
    await this.#guide.look()
    this.#follow()
  }

  /** Calls a listener whenever something may have moved. @returns its end */
  onMove(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A connection of its own, without the library. The caller closes it. @throws BusUnreachable, also when given up */
  async socket(target: Target, givenUp: AbortSignal): Promise<Socket> {
    const socket = await this.#open(target)
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
    return this.#guide instanceof Sentinels ? this.#guide.facts() : undefined
  }

  /** The first connection to a Redis at a fixed place is let through: a start says what it is, and what to do. */
  #refusal(isFirst: boolean): Error | undefined {
    if (isFirst && !this.#guide.isWatched) return undefined
    return new NoMaster(this.#guide.replicaFault, false)
  }

  async #open(target: Target): Promise<Socket> {
    this.#opening++
    try {
      const destination = await this.#guide.find(target)
      const tls = this.#address.kind === 'socket' ? undefined : this.#address.tls
      return this.#hold(openSocket(destination.place, tls), { target, destination })
    } finally {
      this.#opening--
      this.#rest()
    }
  }

  #hold(socket: Socket, way: Way): Socket {
    this.#sockets.set(socket, way)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#rest()
    })
    if (this.#guide.isWatched) this.#timer ??= setInterval(() => void this.look().catch(() => {}), WATCH_MS)
    return socket
  }

  /** Nobody is asked by a process that has no connection: it may be about to end. */
  #rest(): void {
    if (this.#sockets.size > 0 || this.#opening > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#guide.close()
  }

  #follow(): void {
    for (const [socket, { target, destination }] of this.#sockets) {
      if (this.#guide.isLeft(target, destination)) socket.destroy(new NoMaster('the master has moved', false))
    }
    for (const listener of this.#listeners) listener()
  }

  /** The node that connections for a target lead to is a master no more. */
  #leave(target: Target): void {
    const ways = [...this.#sockets]
    const left = new Set(ways.filter(([, way]) => way.target === target).map(([, way]) => way.destination.node))
    for (const [socket, { destination }] of ways) if (left.has(destination.node)) socket.destroy()
  }
}
