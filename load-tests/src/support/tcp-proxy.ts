import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A port of this machine, or the path of a unix socket. */
export type Target = number | string

/** Disturbances of a network. */
interface Weather {
  /** Nothing passes, and no connection is closed. */
  isBlackHole: boolean
  /** Answers of the server do not pass; requests do. */
  isMuted: boolean
  /** How much later everything arrives, ms, and up to how much more. */
  delayMs: number
  jitterMs: number
}

/**
 * Stands between TCP clients and a server on this machine: passes everything on at once, late, or not at all, and cuts
 * connections. Nothing is lost or reordered within a connection, as TCP promises.
 */
export class TcpProxy {
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #weather: Weather = { isBlackHole: false, isMuted: false, delayMs: 0, jitterMs: 0 }
  readonly #random: () => number
  #targets: () => readonly Target[]

  private constructor(server: Server, targets: () => readonly Target[], random: () => number) {
    this.#server = server
    this.#targets = targets
    this.#random = random
    server.on('connection', (client) => this.#accept(client))
  }

  /** @param targets to connect to: the first that accepts is taken, for each connection anew. */
  static async open(targets: () => readonly Target[], random: () => number = Math.random): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true, noDelay: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return new TcpProxy(server, targets, random)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on nothing passes, also not that a side has hung up. New connections are accepted and hear nothing. */
  blackHole(): void {
    this.#weather.isBlackHole = true
  }

  /** From now on requests still reach the server, but its answers are lost. */
  mute(): void {
    this.#weather.isMuted = true
  }

  /** Ends a black hole or silence: what waits arrives now. */
  heal(): void {
    Object.assign(this.#weather, { isBlackHole: false, isMuted: false })
    for (const link of this.#links) link.flow()
  }

  /** Data from now on is delayed by this much, in both directions. */
  slow(delayMs: number, jitterMs: number): void {
    Object.assign(this.#weather, { delayMs, jitterMs })
  }

  /** Ends every connection, on both sides. */
  cut(): void {
    for (const link of this.#links) link.destroy()
  }

  /** New connections go elsewhere; those that are open stay. */
  retarget(targets: () => readonly Target[]): void {
    this.#targets = targets
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  async #accept(client: Socket): Promise<void> {
    client.on('error', () => {})
    const server = await connectToFirst(this.#targets())
    if (server === undefined) {
      client.destroy()
      return
    }
    const link = new Link(client, server, this.#weather, this.#random, () => this.#links.delete(link))
    this.#links.add(link)
  }
}

async function connectToFirst(targets: readonly Target[]): Promise<Socket | undefined> {
  for (const target of targets) {
    const socket = connect(
      typeof target === 'string' ? { path: target } : { port: target, host: '127.0.0.1', noDelay: true },
    )
    socket.pause()
    try {
      await once(socket, 'connect')
      socket.on('error', () => {})
      return socket
    } catch {
      socket.destroy()
    }
  }
  return undefined
}

/** One connection through the proxy. */
class Link {
  readonly #pipes: readonly [Pipe, Pipe]
  readonly #sockets: readonly [Socket, Socket]

  constructor(client: Socket, server: Socket, weather: Weather, random: () => number, onClosed: () => void) {
    this.#sockets = [client, server]
    this.#pipes = [
      new Pipe(client, server, () => weather.isBlackHole, weather, random),
      new Pipe(server, client, () => weather.isBlackHole || weather.isMuted, weather, random),
    ]
    for (const socket of this.#sockets) {
      socket.once('close', () => {
        if (this.#sockets.every(({ closed }) => closed)) onClosed()
      })
    }
  }

  flow(): void {
    for (const pipe of this.#pipes) pipe.flow()
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/**
 * One direction of a connection. Data under way is bounded by what a side writes without an answer: little, with Redis.
 */
class Pipe {
  readonly #to: Socket
  readonly #isHeld: () => boolean
  readonly #weather: Weather
  /** `undefined` is the end. */
  readonly #underWay: { readonly dueAt: number; readonly chunk: Buffer | undefined }[] = []
  readonly #random: () => number
  #lastDueAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(from: Socket, to: Socket, isHeld: () => boolean, weather: Weather, random: () => number) {
    this.#to = to
    this.#isHeld = isHeld
    this.#weather = weather
    this.#random = random
    from.on('data', (chunk) => this.#take(chunk))
    from.once('close', () => this.#take(undefined))
    from.resume()
  }

  flow(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isHeld()) return
    for (let next = this.#underWay[0]; next !== undefined; next = this.#underWay[0]) {
      const waitMs = next.dueAt - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs)
        return
      }
      this.#underWay.shift()
      if (next.chunk === undefined) this.#to.end()
      else this.#to.write(next.chunk)
    }
  }

  #take(chunk: Buffer | undefined): void {
    const { delayMs, jitterMs } = this.#weather
    this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + delayMs + jitterMs * this.#random())
    this.#underWay.push({ dueAt: this.#lastDueAt, chunk })
    if (this.#timer === undefined) this.flow()
  }
}
