import { Carrier } from './carrier.ts'
import type { ToLeader, ToTab } from './messages.ts'
import type { Line, Surroundings } from './surroundings.ts'

interface Ticket {
  readonly carrier: Carrier
  readonly number: number
}

/** What the leader does: it carries the clients of all tabs over one connection. */
export class Relay {
  readonly #url: string
  readonly #surroundings: Pick<Surroundings, 'WebSocket'>
  readonly #tabs = new Map<string, TabEnd>()
  /** The last one takes further clients, if it does. */
  #carriers: Carrier[] = []

  constructor(url: string, surroundings: Pick<Surroundings, 'WebSocket'>) {
    this.#url = url
    this.#surroundings = surroundings
  }

  /** Tabs that have a client here. */
  get tabs(): number {
    return this.#tabs.size
  }

  has(tab: string): boolean {
    return this.#tabs.has(tab)
  }

  attach(tab: string, line: Line): void {
    this.#tabs.set(tab, new TabEnd(line, () => this.#carrier()))
  }

  /** The tab is gone. */
  detach(tab: string): void {
    this.#tabs.get(tab)?.close()
    this.#tabs.delete(tab)
  }

  close(): void {
    for (const tab of [...this.#tabs.keys()]) this.detach(tab)
    for (const carrier of [...this.#carriers]) carrier.close()
  }

  #carrier(): Carrier {
    const present = this.#carriers.at(-1)
    if (present?.isOpenToOthers) return present
    const carrier = new Carrier(this.#url, this.#surroundings.WebSocket, (ended) => {
      this.#carriers = this.#carriers.filter((one) => one !== ended)
    })
    this.#carriers.push(carrier)
    return carrier
  }
}

/** The leader's end of the line to a tab. */
class TabEnd {
  readonly #line: Line
  readonly #carrier: () => Carrier
  /** By the tab's number of the socket. */
  readonly #tickets = new Map<number, Ticket>()

  constructor(line: Line, carrier: () => Carrier) {
    this.#line = line
    this.#carrier = carrier
    line.onmessage = ({ data }) => this.#take(data as ToLeader)
    this.#say({ kind: 'joined' })
  }

  close(): void {
    this.#say({ kind: 'bye' })
    this.#line.onmessage = null
    this.#line.close()
    for (const { carrier, number } of this.#tickets.values()) carrier.leave(number)
    this.#tickets.clear()
  }

  #take(message: ToLeader): void {
    switch (message.kind) {
      case 'open':
        return this.#open(message.socket)
      case 'send': {
        const ticket = this.#tickets.get(message.socket)
        return ticket?.carrier.send(ticket.number, message.text)
      }
      case 'close': {
        const ticket = this.#tickets.get(message.socket)
        this.#tickets.delete(message.socket)
        return ticket?.carrier.leave(ticket.number)
      }
      case 'ping':
        return this.#say({ kind: 'pong' })
    }
  }

  #open(socket: number): void {
    const carrier = this.#carrier()
    const number = carrier.board({
      opened: () => this.#say({ kind: 'opened', socket }),
      message: (text) => this.#say({ kind: 'message', socket, text }),
      closed: (code, reason) => {
        this.#tickets.delete(socket)
        this.#say({ kind: 'closed', socket, code, reason })
      },
    })
    this.#tickets.set(socket, { carrier, number })
  }

  #say(message: ToTab): void {
    this.#line.postMessage(message)
  }
}
