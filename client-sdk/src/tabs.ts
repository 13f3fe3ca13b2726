import { expectOptions } from './application/arguments.ts'
import { warn } from './application/warn.ts'
import type { Socket, SocketConstructor } from './connection/socket.ts'
import { Member } from './tabs/member.ts'
import { readSurroundings, type Surroundings } from './tabs/surroundings.ts'

export interface SharedSocketOptions {
  /** Tabs share a connection if they give the same name, none by default. */
  readonly name?: string
}

/** Of the messages between tabs: tabs of another version have a connection of their own. */
const VERSION = 1

/**
 * A WebSocket class for `createClient`, `createReader` and `createSubscriber`: all tabs of an origin share one connection to a gateway,
 * which one of them has for all. Each client stays what it is, with its token, its subscriptions and its outbox. Where
 * `navigator.locks` is missing, on pages over plain HTTP, each tab has a connection of its own, and the console says so.
 *
 * @throws TypeError for options that there are not
 */
export function sharedSocket(options: SharedSocketOptions = {}): SocketConstructor {
  expectOptions('sharedSocket', { name: 'a string' }, options)
  const { name = '' } = options
  let surroundings: Surroundings | undefined
  return class SharedSocket {
    constructor(url: string, protocols?: string | string[]) {
      surroundings ??= readSurroundings()
      // biome-ignore lint/correctness/noConstructorReturn: a class is what clients take
      return surroundings === undefined ? ownSocket(url, protocols) : memberOf(name, url, surroundings).open()
    }
  } as unknown as SocketConstructor
}

/** Of this page, by group. */
const members = new Map<string, Member>()

function memberOf(name: string, url: string, surroundings: Surroundings): Member {
  const group = `tidegate-${VERSION} ${url} ${name}`
  const present = members.get(group)
  if (present !== undefined) return present
  const member = new Member(group, url, surroundings, () => members.delete(group))
  members.set(group, member)
  return member
}

let isSaid = false

function ownSocket(url: string, protocols: string | string[] | undefined): Socket {
  if (!isSaid) warn('This page has no navigator.locks, which needs https or localhost: it has a connection of its own.')
  isSaid = true
  return new (globalThis.WebSocket as unknown as new (url: string, protocols?: string | string[]) => Socket)(
    url,
    protocols,
  )
}
