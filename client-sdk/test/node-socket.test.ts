import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createClient } from '../src/node.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

/** A socket that only tells it was made. */
function socketClass() {
  const made: string[] = []
  class Socket {
    readonly readyState = 0
    constructor(url: string) {
      made.push(url)
    }
    send() {}
    close() {}
  }
  return { Socket, made }
}

describe('createClient on Node', () => {
  const url = 'http://127.0.0.1:1'

  test('PK-SOCKET-1 uses the WebSocket that Node has, unless the application chooses another one', async () => {
    const [global, own] = [socketClass(), socketClass()]
    vi.stubGlobal('WebSocket', global.Socket)
    const clients = [createClient({ url, connect: true }), createClient({ url, connect: true, WebSocket: own.Socket })]
    await vi.waitFor(() =>
      expect([global.made, own.made]).toEqual([['ws://127.0.0.1:1/v1/ws'], ['ws://127.0.0.1:1/v1/ws']]),
    )
    for (const client of clients) await client.close({ deadlineMs: 0 })
  })

  test('PK-SOCKET-1 uses ws where Node has none', async () => {
    vi.stubGlobal('WebSocket', undefined)
    const connects = vi.spyOn(WebSocket.prototype, 'close')
    const client = createClient({ url, connect: true })
    await client.close({ deadlineMs: 0 })
    expect(connects).toHaveBeenCalled()
  })
})
