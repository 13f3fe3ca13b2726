import { BlockList } from 'node:net'
import { parseAddress } from './ip-address.ts'

/**
 * Addresses and ranges, such as `10.0.0.0/8,::1`.
 *
 * Ranges and not a number of hops: with a number, whoever reaches the gateway past the proxy writes the header himself.
 *
 * @throws {RangeError} saying what is expected.
 */
export function parseTrustedProxies(text: string): BlockList {
  const trusted = new BlockList()
  for (const part of text.split(',').map((part) => part.trim())) {
    const [address = '', bits, ...rest] = part.split('/')
    const parsed = parseAddress(address)
    const most = parsed?.family === 'ipv4' ? 32 : 128
    const length = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (parsed === undefined || parsed.text !== address || rest.length > 0 || length < 1 || length > most) {
      throw new RangeError(`${part} is neither an IP address nor a range such as 10.0.0.0/8`)
    }
    trusted.addSubnet(parsed.text, length, parsed.family)
  }
  return trusted
}
