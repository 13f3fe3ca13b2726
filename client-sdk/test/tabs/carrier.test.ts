import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SocketConstructor } from '../../src/connection/socket.ts'
import { Carrier } from '../../src/tabs/carrier.ts'
import { sharedSocket } from '../../src/tabs.ts'

/** A socket of which a test is the other end. */
class FarSocket {
  static all: FarSocket[] = []
  readonly sent: string[] = []
  readyState = 0
  onopen: (() => void) | null = null
  onmessage: ((message: { data: unknown }) => void) | null = null
  onclose: ((close: { code: number; reason: string }) => void) | null = null
  onerror = null
  readonly protocols: unknown

  constructor(_url: string, protocols: unknown) {
    this.protocols = protocols
    FarSocket.all.push(this)
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.readyState = 3
  }

  opens(): void {
    this.readyState = 1
    this.onopen?.()
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  FarSocket.all = []
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const url = 'ws://gateway.example/v1/ws'

function board(carrier: Carrier): unknown[] {
  const heard: unknown[] = []
  carrier.board({
    opened: () => heard.push('opened'),
    message: (text) => heard.push(text),
    closed: (code, reason) => heard.push([code, reason]),
  })
  return heard
}

function carried() {
  let ended = 0
  const carrier = new Carrier(url, FarSocket as unknown as SocketConstructor, () => ended++)
  const one = board(carrier)
  const [socket] = FarSocket.all
  return { carrier, one, socket: socket!, ended: () => ended }
}

test('C-TABS-5 carrier - takes nobody after a drain, and carries those that it has', () => {
  const { carrier, one, socket, ended } = carried()
  socket.opens()
  const say = (data: string) => socket.onmessage?.({ data })
  say('1+')
  say('1:{"type":"welcome"}')
  expect(carrier.isOpenToOthers).toBe(true)
  const drain = '{"type":"drain","reconnectInMs":1,"deadlineMs":2,"reason":"shutdown"}'
  say(`1:${drain}`)
  expect(carrier.isOpenToOthers).toBe(false)
  carrier.send(1, '{"type":"pong"}')
  expect(socket.sent).toEqual(['1+', '1:{"type":"pong"}'])
  say('1-4001 shutdown')
  expect(one).toEqual(['opened', '{"type":"welcome"}', drain, [4001, 'shutdown']])
  expect([socket.readyState, ended()]).toEqual([3, 1])
  expect(vi.getTimerCount()).toBe(0)
})

test('C-TABS-5 carrier - a gateway that does not take a client within 5 s is given up with all', () => {
  const { carrier, one, socket, ended } = carried()
  socket.opens()
  socket.onmessage?.({ data: '1+' })
  const two = board(carrier)
  vi.advanceTimersByTime(4_999)
  expect([one, two]).toEqual([['opened'], []])
  vi.advanceTimersByTime(1)
  expect([one, two, ended()]).toEqual([['opened', [1006, '']], [[1006, '']], 1])
  const waiting = carried()
  vi.advanceTimersByTime(10_000)
  expect(waiting.one).toEqual([[1006, '']])
  expect(vi.getTimerCount()).toBe(0)
})

test('C-TABS-6 without locks each client has a socket of its own, and the console says so once', () => {
  const warned = vi.spyOn(console, 'warn').mockReturnValue()
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('WebSocket', FarSocket)
  const WebSocket = sharedSocket()
  const sockets = [new WebSocket(url, 'tidegate.v1'), new WebSocket(url, 'tidegate.v1')]
  expect(sockets).toEqual(FarSocket.all)
  expect(FarSocket.all.map(({ protocols }) => protocols)).toEqual(['tidegate.v1', 'tidegate.v1'])
  expect(warned.mock.calls).toEqual([[expect.stringContaining('connection of its own')]])
})
