import { warn } from '../application/warn.ts'
import { randomId } from '../random-id.ts'
import { type GroupMessage, lineName, type Term, type ToLeader, type ToTab, tabLock } from './messages.ts'
import { Relay } from './relay.ts'
import type { Line, Surroundings } from './surroundings.ts'
import { LOST, TabSocket } from './tab-socket.ts'

/** The leader is asked in the first silent look. Without an answer in the next two it hangs, or is frozen. */
const SILENT_LOOKS = 3
/** A tab without a socket stays for so many looks: longer than a client waits between two attempts. */
const IDLE_LOOKS = 8

type Role =
  /** It looks for the leader, and is next in line for its lock. */
  | { readonly kind: 'looking' }
  | { readonly kind: 'following'; readonly term: Term; readonly line: Line; isJoined: boolean }
  | { readonly kind: 'leading'; readonly term: Term; readonly line: Line; readonly relay: Relay; release(): void }

/** One tab among those that share a connection. The one that holds the lock of the group leads: it has the connection. */
export class Member {
  readonly #group: string
  readonly #url: string
  readonly #surroundings: Surroundings
  readonly #onLeft: () => void
  readonly #id = randomId()
  readonly #channel: Line
  readonly #sockets = new Map<number, TabSocket>()
  readonly #left = new AbortController()
  #nextSocket = 1
  #role: Role = { kind: 'looking' }
  /** Of the request for the lock that waits. */
  #bid = new AbortController()
  /** Since the newest leadership that it knows began. */
  #since = 0
  #silentLooks = 0
  #idleLooks = 0
  readonly #look: ReturnType<typeof setInterval>

  constructor(group: string, url: string, surroundings: Surroundings, onLeft: () => void) {
    this.#group = group
    this.#url = url
    this.#surroundings = surroundings
    this.#onLeft = onLeft
    this.#channel = surroundings.channel(group)
    this.#channel.onmessage = ({ data }) => this.#heard(data as GroupMessage)
    this.#look = setInterval(() => this.#looked(), surroundings.lookMs)
    // Before it is followed: the leader knows by this lock when the tab is gone.
    const held = () => {
      this.#bidForLead()
      this.#tell({ kind: 'who' })
      return new Promise<void>((resolve) => this.#left.signal.addEventListener('abort', () => resolve()))
    }
    const { locks } = surroundings
    locks.request(tabLock(group, this.#id), { signal: this.#left.signal }, held).catch((error) => this.#isAlone(error))
  }

  open(): TabSocket {
    const socket = new TabSocket(this.#nextSocket++, {
      send: ({ number }, text) => this.#say({ kind: 'send', socket: number, text }),
      closed: ({ number }) => {
        if (this.#sockets.delete(number)) this.#say({ kind: 'close', socket: number })
      },
    })
    this.#sockets.set(socket.number, socket)
    this.#idleLooks = 0
    this.#say({ kind: 'open', socket: socket.number })
    return socket
  }

  /** Gives up the lead, if it has it, and everything else. Idempotent. */
  leave(): void {
    if (this.#left.signal.aborted) return
    clearInterval(this.#look)
    this.#bid.abort()
    this.#leaveRole()
    this.#left.abort()
    this.#channel.close()
    this.#onLeft()
  }

  #bidForLead(): void {
    this.#bid = new AbortController()
    this.#requestLead({ signal: this.#bid.signal })
  }

  /** The leader does not answer: it is put out of office. */
  #stepOver(): void {
    this.#bid.abort()
    this.#requestLead({ steal: true })
  }

  #requestLead(options: { readonly steal?: boolean; readonly signal?: AbortSignal }): void {
    const over = () => {
      if (this.#left.signal.aborted || options.signal?.aborted) return
      // It was stolen: this tab has hung, or was frozen, and another one leads.
      if (this.#role.kind === 'leading') this.#lookAnew()
      this.#bidForLead()
    }
    this.#surroundings.locks.request(this.#group, options, () => this.#lead()).then(over, over)
  }

  /** Such as in a frame without an origin. */
  #isAlone(error: unknown): void {
    if (this.#left.signal.aborted) return
    warn(`This page has no locks: it has a connection of its own. ${String(error)}`)
    this.#channel.onmessage = null
    void this.#lead()
  }

  /** @returns a promise that lasts as long as the tab leads */
  #lead(): Promise<void> {
    if (this.#left.signal.aborted) return Promise.resolve()
    this.#leaveRole()
    const term = { id: randomId(), since: Math.max(this.#since + 1, this.#surroundings.now()) }
    const relay = new Relay(this.#url, this.#surroundings)
    const [line, end] = this.#surroundings.pair()
    return new Promise((release) => {
      this.#since = term.since
      this.#role = { kind: 'leading', term, line, relay, release }
      this.#listen(line)
      relay.attach(this.#id, end)
      for (const number of this.#sockets.keys()) this.#say({ kind: 'open', socket: number })
      this.#tell({ kind: 'leader', term })
    })
  }

  #heard(message: GroupMessage): void {
    switch (message.kind) {
      case 'who':
        if (this.#role.kind === 'leading') this.#tell({ kind: 'leader', term: this.#role.term })
        return
      case 'leader':
        return this.#heardOf(message.term)
      case 'join':
        if (this.#role.kind === 'leading' && this.#role.term.id === message.term) this.#attach(this.#role, message.tab)
    }
  }

  #heardOf(term: Term): void {
    const { kind } = this.#role
    if (kind !== 'looking' && this.#role.term.id === term.id) return
    // An earlier leader that does not know yet.
    if (kind !== 'looking' && term.since < this.#since) return
    this.#leaveRole()
    this.#since = term.since
    const line = this.#surroundings.channel(lineName(this.#group, term.id, this.#id))
    this.#role = { kind: 'following', term, line, isJoined: false }
    this.#silentLooks = 0
    this.#listen(line)
    this.#tell({ kind: 'join', term: term.id, tab: this.#id })
  }

  #attach({ relay, term }: Extract<Role, { kind: 'leading' }>, tab: string): void {
    if (relay.has(tab)) return
    relay.attach(tab, this.#surroundings.channel(lineName(this.#group, term.id, tab)))
    const gone = async () => relay.detach(tab)
    this.#surroundings.locks.request(tabLock(this.#group, tab), { signal: this.#left.signal }, gone).catch(() => {})
  }

  #listen(line: Line): void {
    line.onmessage = ({ data }) => {
      this.#silentLooks = 0
      this.#take(data as ToTab)
    }
  }

  #take(message: ToTab): void {
    switch (message.kind) {
      case 'joined':
        if (this.#role.kind !== 'following') return
        this.#role.isJoined = true
        for (const number of this.#sockets.keys()) this.#say({ kind: 'open', socket: number })
        return
      case 'opened':
        return this.#sockets.get(message.socket)?.opened()
      case 'message':
        return this.#sockets.get(message.socket)?.received(message.text)
      case 'closed': {
        const socket = this.#sockets.get(message.socket)
        this.#sockets.delete(message.socket)
        return socket?.ended(message.code, message.reason)
      }
      case 'bye':
        return this.#role.kind === 'following' ? this.#lookAnew() : undefined
      case 'pong':
        return
    }
  }

  #looked(): void {
    this.#idleLooks++
    const isUsed = this.#sockets.size > 0 || (this.#role.kind === 'leading' && this.#role.relay.tabs > 1)
    if (isUsed) this.#idleLooks = 0
    if (this.#idleLooks >= IDLE_LOOKS) return this.leave()
    if (this.#role.kind === 'leading' || this.#sockets.size === 0) return
    this.#silentLooks++
    if (this.#role.kind === 'looking') this.#tell({ kind: 'who' })
    else if (this.#silentLooks === 1) this.#role.line.postMessage({ kind: 'ping' } satisfies ToLeader)
    if (this.#silentLooks < SILENT_LOOKS) return
    this.#silentLooks = 0
    this.#stepOver()
  }

  #lookAnew(): void {
    this.#leaveRole()
    this.#tell({ kind: 'who' })
  }

  /** Frames on their way through this leader are lost: clients connect anew, and resume. */
  #leaveRole(): void {
    const role = this.#role
    if (role.kind === 'looking') return
    this.#role = { kind: 'looking' }
    role.line.onmessage = null
    role.line.close()
    if (role.kind === 'leading') {
      role.relay.close()
      role.release()
    }
    const sockets = [...this.#sockets.values()]
    this.#sockets.clear()
    for (const socket of sockets) socket.ended(LOST, '')
  }

  #say(message: ToLeader): void {
    if (this.#role.kind === 'leading' || (this.#role.kind === 'following' && this.#role.isJoined))
      this.#role.line.postMessage(message)
  }

  #tell(message: GroupMessage): void {
    this.#channel.postMessage(message)
  }
}
