import { BroadcastChannel, MessageChannel } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { type Socket, type SocketConstructor, socketUrl } from '../../src/connection/socket.ts'
import { createClient, type TidegateClient } from '../../src/node.ts'
import { Member } from '../../src/tabs/member.ts'
import type { Line, Surroundings } from '../../src/tabs/surroundings.ts'
import type { PageLocks } from './page-locks.ts'

export const LOOK_MS = 60

/** The browser that tabs are of. */
export interface Browser {
  readonly url: string
  readonly group: string
  readonly locks: PageLocks
  /** Opened to the gateway, by whom. */
  readonly sockets: { readonly tab: Tab; readonly socket: WebSocket }[]
}

/** A tab in this process: what it shares with others goes through channels and locks, as in a browser. */
export class Tab {
  readonly client: TidegateClient
  readonly #browser: Browser
  readonly #member: Member
  readonly #lines = new Set<Line>()
  readonly #kept: (() => void)[] = []
  #isFrozen = false
  #isGone = false

  constructor(browser: Browser) {
    this.#browser = browser
    const surroundings: Surroundings = {
      locks: browser.locks.of(this, (run) => this.#whenAwake(run)),
      WebSocket: this.#socketClass(),
      channel: (name) => this.#line(new BroadcastChannel(name) as unknown as Line),
      pair: () => {
        const { port1, port2 } = new MessageChannel()
        return [this.#line(port1 as unknown as Line), this.#line(port2 as unknown as Line)]
      },
      now: Date.now,
      lookMs: LOOK_MS,
    }
    this.#member = new Member(browser.group, socketUrl(browser.url), surroundings, () => {})
    const member = this.#member
    const TabSocket = class {
      constructor() {
        // biome-ignore lint/correctness/noConstructorReturn: as `sharedSocket` does
        return member.open()
      }
    } as unknown as SocketConstructor
    this.client = createClient({ url: browser.url, WebSocket: TabSocket, connect: true })
  }

  get leads(): boolean {
    return this.#browser.sockets.some(({ tab, socket }) => tab === this && socket.readyState === WebSocket.OPEN)
  }

  /** The application closes its client, and the page is left. */
  async close(): Promise<void> {
    await this.client.close()
    this.#member.leave()
    this.kill()
  }

  /** Nothing of it runs any more, and nobody was told. */
  kill(): void {
    this.#isGone = true
    for (const line of this.#lines) {
      line.onmessage = null
      line.close()
    }
    for (const { tab, socket } of this.#browser.sockets) if (tab === this) socket.terminate()
    this.#browser.locks.release(this)
    this.#member.leave()
    void this.client.close({ deadlineMs: 0 })
  }

  /** Nothing reaches it, until it is thawed. */
  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    for (const run of this.#kept.splice(0)) run()
  }

  #whenAwake(run: () => void): void {
    if (this.#isGone) return
    if (this.#isFrozen) this.#kept.push(run)
    else run()
  }

  #line(line: Line): Line {
    let hear: Line['onmessage'] = null
    line.onmessage = (message) => this.#whenAwake(() => hear?.({ data: message.data }))
    const wrapped: Line = {
      postMessage: (message) => {
        if (!this.#isGone) line.postMessage(message)
      },
      get onmessage() {
        return hear
      },
      set onmessage(listener) {
        hear = listener
      },
      close: () => {
        this.#lines.delete(line)
        line.close()
      },
    }
    this.#lines.add(line)
    return wrapped
  }

  #socketClass(): SocketConstructor {
    const tab = this
    const { sockets } = this.#browser
    return class {
      constructor(url: string, protocols: string) {
        const socket = new WebSocket(url, protocols)
        sockets.push({ tab, socket })
        const seen: Pick<Socket, 'onopen' | 'onmessage' | 'onclose' | 'onerror'> = socket as never
        const late = new Proxy(seen, {
          get: (_, name) => {
            const value = Reflect.get(socket, name) as unknown
            return typeof value === 'function' ? value.bind(socket) : value
          },
          set: (_, name, listener: ((event: unknown) => void) | null) =>
            Reflect.set(socket, name, listener && ((event: unknown) => tab.#whenAwake(() => listener(event)))),
        })
        // biome-ignore lint/correctness/noConstructorReturn: what a frozen tab hears comes late
        return late
      }
    } as unknown as SocketConstructor
  }
}
