import { afterEach, beforeEach } from 'vitest'
import { type ClientOptions, createClient, type TidegateClient } from '../../src/node.ts'
import { ScriptedServer } from './scripted-server.ts'

export interface UsedServer {
  /** That of this test. */
  readonly server: ScriptedServer
  /** A client of it. */
  open(options?: Partial<ClientOptions>): TidegateClient
}

/** A server for each test of this file; it ends with the test, and so do the clients that were opened. */
export function useServer(): UsedServer {
  let server: ScriptedServer
  let clients: TidegateClient[] = []
  beforeEach(async () => {
    server = await ScriptedServer.start()
  })
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close({ deadlineMs: 0 })))
    clients = []
    await server.close()
  })
  return {
    get server() {
      return server
    },
    open(options = {}) {
      const client = createClient({ url: server.url, connect: true, ...options })
      clients.push(client)
      return client
    },
  }
}
