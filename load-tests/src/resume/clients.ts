/** Child process of `bench resume`: subscribers that keep positions, drop all at once and come back all at once. */

import { answerParent } from '../support/answer-parent.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

export type ClientsCommand =
  | { readonly do: 'open'; readonly port: number; readonly count: number }
  /** Resolves once every client has received this many events. */
  | { readonly do: 'await'; readonly events: number }
  | { readonly do: 'drop' }
  | { readonly do: 'resume'; readonly port: number; readonly events: number }

export interface ClientsReport {
  readonly seconds: number
  readonly lost: number
  readonly duplicated: number
  readonly gaps: number
}

const TOPIC = 'bench.event'
/** Sockets being opened at a time: more would overflow the accept queue of the kernel. */
const AT_ONCE = 500
const DEADLINE_MS = 120_000

const hello = encodeFrame(Buffer.from('{"type":"hello","protocol":1,"client":"bench"}')).frame

/** One subscriber: what it has seen, and its position in each partition. */
class Client {
  readonly #seen = new Set<string>()
  readonly #positions = new Map<string, string>()
  #socket: RawWebSocket | undefined
  #onSubscribed: () => void = () => undefined
  duplicated = 0
  gaps = 0

  get events(): number {
    return this.#seen.size
  }

  async open(port: number): Promise<void> {
    const from =
      this.#positions.size === 0 ? 'now' : { positions: { [TOPIC]: { normal: [...this.#positions.values()] } } }
    const subscribe = JSON.stringify({ type: 'subscribe', sub: 1, topic: TOPIC, lanes: ['normal'], from })
    this.#socket = new RawWebSocket(port, (payload) => this.#receive(payload.toString('utf8')))
    await this.#socket.open()
    this.#socket.write(hello)
    this.#socket.write(encodeFrame(Buffer.from(subscribe)).frame)
    await new Promise<void>((resolve) => {
      this.#onSubscribed = resolve
    })
  }

  drop(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  #receive(text: string): void {
    const frame = JSON.parse(text)
    switch (frame.type) {
      case 'subscribed':
        for (const at of frame.positions[TOPIC].normal) this.#move(at)
        return this.#onSubscribed()
      case 'batch':
        for (const part of frame.parts) {
          for (const { id, at } of part.events) {
            if (this.#seen.has(id)) this.duplicated++
            this.#seen.add(id)
            this.#move(at)
          }
        }
        return
      case 'progress':
        for (const at of frame.positions[TOPIC]?.normal ?? []) this.#move(at)
        return
      case 'gap':
        this.gaps++
        return
      case 'error':
        throw new Error(text)
    }
  }

  #move(at: string): void {
    this.#positions.set(at.slice(0, at.indexOf('@')), at)
  }
}

let clients: Client[] = []

async function openAll(port: number): Promise<void> {
  const waiting = [...clients]
  const worker = async () => {
    for (let client = waiting.pop(); client !== undefined; client = waiting.pop()) await client.open(port)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function untilAll(events: number): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (clients.some((client) => client.events < events) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function run(command: ClientsCommand): Promise<ClientsReport> {
  const startedAt = performance.now()
  switch (command.do) {
    case 'open':
      clients = Array.from({ length: command.count }, () => new Client())
      await openAll(command.port)
      break
    case 'await':
      await untilAll(command.events)
      break
    case 'drop':
      for (const client of clients) client.drop()
      break
    case 'resume':
      await openAll(command.port)
      await untilAll(command.events)
      break
  }
  const expected = command.do === 'await' || command.do === 'resume' ? command.events : 0
  const sum = (of: (client: Client) => number) => clients.reduce((total, client) => total + of(client), 0)
  return {
    seconds: (performance.now() - startedAt) / 1_000,
    lost: sum(({ events }) => Math.max(0, expected - events)),
    duplicated: sum(({ duplicated }) => duplicated),
    gaps: sum(({ gaps }) => gaps),
  }
}

answerParent(run)
