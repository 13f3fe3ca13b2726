import { describe, expect, it } from 'vitest'
import { ClientAddresses, parseTrustedProxies } from '../../src/limits/index.ts'

const addressOf = (remoteAddress: string, headers: Readonly<Record<string, string>> = {}, trusted?: string) => {
  const proxies = trusted === undefined ? undefined : parseTrustedProxies(trusted)
  return new ClientAddresses(proxies).of({ remoteAddress, header: (name) => headers[name] })
}
const nameOf = (...args: Parameters<typeof addressOf>) => addressOf(...args).name

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:c000:0201', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:0000:0000:0000:0001', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('LIM-ADDR-1 %s counts as %s', (address, name) => {
    expect(nameOf(address)).toBe(name)
  })

  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['0000:0000:0000:0000:0000:0000:0000:0001', true],
    ['128.0.0.1', false],
    ['::2', false],
    ['', false],
  ])('LIM-ADDR-4 %s: loopback is %s', (address, isLoopback) => {
    expect(addressOf(address).isLoopback).toBe(isLoopback)
  })

  it.each([
    ['10.1.2.3', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1, 10.1.2.3'],
    ['::1', '::1'],
  ])('LIM-ADDR-4 nobody is exempt for what a header says: %s, X-Forwarded-For: %s', (proxy, value) => {
    const address = addressOf(proxy, { 'x-forwarded-for': value }, '10.0.0.0/8,127.0.0.1,::1')
    expect(address).toMatchObject({ isLoopback: false, isProxied: true })
  })

  it('LIM-ADDR-2 no header is believed unless its proxy is trusted', () => {
    const headers = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' }
    expect(nameOf('192.0.2.1', headers)).toBe('192.0.2.1')
    expect(nameOf('192.0.2.1', headers, '10.0.0.0/8')).toBe('192.0.2.1')
    expect(nameOf('10.1.2.3', headers, '10.0.0.0/8')).toBe('203.0.113.7')
    expect(nameOf('::ffff:10.1.2.3', headers, '10.0.0.0/8')).toBe('203.0.113.7')
  })

  it.each([
    ['the client forged one', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['two proxies', '203.0.113.7, 10.0.0.9', '203.0.113.7'],
    ['forged behind two proxies', '10.0.0.1, 203.0.113.7, 10.0.0.9', '203.0.113.7'],
    ['only proxies', '10.0.0.5, 10.0.0.9', '10.0.0.5'],
    ['with ports', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6', '[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
  ])('LIM-ADDR-2 X-Forwarded-For, %s', (_, value, name) => {
    expect(nameOf('10.1.2.3', { 'x-forwarded-for': value }, '10.0.0.0/8')).toBe(name)
  })

  it.each([
    ['for=203.0.113.7;proto=https', '203.0.113.7'],
    ['for="[2001:db8:1:2::9]:4711"', '2001:db8:1:2::/64'],
    ['for=198.51.100.1, For="203.0.113.7:80";by=10.0.0.1, for=10.0.0.9', '203.0.113.7'],
  ])('LIM-ADDR-2 Forwarded: %s', (value, name) => {
    expect(nameOf('10.1.2.3', { forwarded: value }, '10.0.0.0/8')).toBe(name)
  })

  it.each([
    ['contradictory', { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.8' }],
    ['no address', { 'x-forwarded-for': 'localhost' }],
    ['a hop that is hidden', { forwarded: 'for=203.0.113.7, for=_hidden' }],
    ['empty', { 'x-forwarded-for': '' }],
  ])('LIM-ADDR-3 %s headers count under the proxy, on loopback too', (_, headers) => {
    expect(addressOf('127.0.0.1', headers, '127.0.0.1')).toEqual({
      name: '127.0.0.1',
      isLoopback: false,
      isProxied: true,
    })
  })

  it.each(['10.0.0.0/33', '10.0.0/8', 'proxy', '::1/0', '10.0.0.1/8/9', ''])(
    'LIM-SET-1 %s is no trusted proxy',
    (text) => {
      expect(() => parseTrustedProxies(text)).toThrow(RangeError)
    },
  )
})
