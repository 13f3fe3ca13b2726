import { isIPv4, isIPv6 } from 'node:net'

export interface IpAddress {
  readonly family: 'ipv4' | 'ipv6'
  /** As given, but an IPv4 address within an IPv6 one is an IPv4 address. */
  readonly text: string
  /** An IPv4 address, or the first 64 bits of an IPv6 one: `2001:db8:0:1::/64`. */
  readonly prefix: string
  readonly isLoopback: boolean
}

/** Parses an address in any spelling; a zone is left out. */
export function parseAddress(given: string): IpAddress | undefined {
  const text = given.replace(/%.*$/, '')
  if (isIPv4(text)) return ipv4(text)
  if (!isIPv6(text)) return undefined
  const groups = groupsOf(text)
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return ipv4([groups[6]! >> 8, groups[6]! & 0xff, groups[7]! >> 8, groups[7]! & 0xff].join('.'))
  }
  const isLoopback = groups.every((group, index) => group === (index === 7 ? 1 : 0))
  const prefix = `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
  return { family: 'ipv6', text, prefix, isLoopback }
}

function ipv4(text: string): IpAddress {
  return { family: 'ipv4', text, prefix: text, isLoopback: text.startsWith('127.') }
}

/** The eight groups of a valid address. */
function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::')
  const before = groups(head)
  if (tail === undefined) return before
  const after = groups(tail)
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a, b, c, d] = group.split('.').map(Number)
    return [a! * 256 + b!, c! * 256 + d!]
  })
}
