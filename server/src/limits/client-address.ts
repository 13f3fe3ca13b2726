import { type BlockList, isIP } from 'node:net'
import { type IpAddress, parseAddress } from './ip-address.ts'

/** Where a client comes from, as limits count it. */
export interface ClientAddress {
  /** An IPv4 address, or the first 64 bits of an IPv6 one: a household has as many of the rest as it likes. */
  readonly name: string
  readonly isLoopback: boolean
  /** The peer is a trusted proxy, so that its connection carries clients of many addresses. */
  readonly isProxied: boolean
}

interface Arriving {
  readonly remoteAddress: string
  header(name: string): string | undefined
}

const NO_HEADERS = () => undefined

/** Reads the address of a client from its connection, and from what proxies that are trusted say of it. */
export class ClientAddresses {
  readonly #trusted: BlockList | undefined

  /** @param trusted absent: no header is believed */
  constructor(trusted: BlockList | undefined) {
    this.#trusted = trusted
  }

  /** Of a connection of which nothing was read. */
  ofPeer(remoteAddress: string): ClientAddress {
    return this.of({ remoteAddress, header: NO_HEADERS })
  }

  /**
   * From the right, the first address that is no trusted proxy. `X-Forwarded-For` and `Forwarded` must agree where both
   * are given: a proxy writes one of them and passes on whatever the client has sent as the other.
   */
  of({ remoteAddress, header }: Arriving): ClientAddress {
    const peer = parseAddress(remoteAddress)
    if (peer === undefined) return { name: remoteAddress, isLoopback: false, isProxied: false }
    if (!this.#isTrusted(peer)) return { name: peer.prefix, isLoopback: peer.isLoopback, isProxied: false }
    const said = [xForwardedFor(header('x-forwarded-for')), forwarded(header('forwarded'))]
    const clients = said.filter((hops) => hops !== undefined).map((hops) => this.#firstUntrusted(hops))
    const [client] = clients
    if (clients.length === 0) return { name: peer.prefix, isLoopback: peer.isLoopback, isProxied: true }
    // Unreadable, or contradictory: counted under the proxy, which on loopback is not exempt for that.
    const isSure = client !== undefined && clients.every((other) => other?.prefix === client.prefix)
    return isSure
      ? // Whoever is within the trusted ranges could say that of itself.
        { name: client.prefix, isLoopback: false, isProxied: true }
      : { name: peer.prefix, isLoopback: false, isProxied: true }
  }

  #firstUntrusted(hops: readonly (IpAddress | undefined)[]): IpAddress | undefined {
    const client = hops.findLast((hop) => hop === undefined || !this.#isTrusted(hop))
    return hops.length > 0 && hops.every((hop) => hop !== undefined && this.#isTrusted(hop)) ? hops[0] : client
  }

  #isTrusted({ text, family }: IpAddress): boolean {
    return this.#trusted?.check(text, family) === true
  }
}

/** `undefined` where there is no such header; an address that cannot be read is `undefined` in its place. */
function xForwardedFor(value: string | undefined): (IpAddress | undefined)[] | undefined {
  return value?.split(',').map((hop) => parseAddress(withoutPort(hop.trim())))
}

/** RFC 7239. Of each element only `for` counts. */
function forwarded(value: string | undefined): (IpAddress | undefined)[] | undefined {
  return value?.split(',').map((element) => {
    const node = /(?:^|;)\s*for=("?)([^";]*)\1\s*(?:;|$)/i.exec(element)?.[2]
    return node === undefined ? undefined : parseAddress(withoutPort(node.trim()))
  })
}

/** `192.0.2.1:80` and `[2001:db8::1]:80`. */
function withoutPort(text: string): string {
  if (isIP(text) !== 0) return text
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/:\d+$/, '')
}
