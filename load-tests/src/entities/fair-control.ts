/**
 * Control of `bench entities`, the other design: a uWebSockets.js server that decides from the state it holds, appends what
 * waits in one compare-and-append at a time, and answers. One process, no takeover, no retries.
 */

import uWS from 'uWebSockets.js'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'

const SCRIPT = `for i = 1, #KEYS do
  if redis.call('LLEN', KEYS[i]) ~= tonumber(ARGV[3 * i - 2]) then return i end
end
for i = 1, #KEYS do
  redis.call('RPUSH', KEYS[i], ARGV[3 * i - 1])
  redis.call('HSET', 'fair:states', KEYS[i], ARGV[3 * i])
end
return 0`
/** Commands of one script call. */
const MAX_BATCH = 500

interface Client {
  isOpen: boolean
}

interface Waiting {
  readonly socket: uWS.WebSocket<Client>
  readonly client: Client
  readonly id: string
  readonly key: string
  readonly amount: number
}

async function run(redisUrl: string): Promise<void> {
  const redis = openCommandConnection(redisUrl, 'bench-fair')
  await untilReady(redis, 5_000)
  const sha = (await redis.script('LOAD', SCRIPT)) as string
  const states = new Map<string, { balance: number; version: number }>()
  let waiting: Waiting[] = []
  let isBusy = false

  async function flush(): Promise<void> {
    if (isBusy || waiting.length === 0) return
    isBusy = true
    // A key twice in one call would need what the first one made of it: it waits.
    const taken = new Map<string, Waiting>()
    const rest: Waiting[] = []
    for (const one of waiting) {
      if (taken.size < MAX_BATCH && !taken.has(one.key)) taken.set(one.key, one)
      else rest.push(one)
    }
    waiting = rest
    const args: (string | number)[] = []
    for (const { id, key, amount } of taken.values()) {
      const state = states.get(key) ?? { balance: 0, version: 0 }
      const event = { e: 'deposited', v: 1, d: { amount }, t: Date.now(), c: id }
      const next = { balance: state.balance + amount, version: state.version + 1 }
      args.push(state.version, JSON.stringify(event), JSON.stringify({ v: next.version, s: { balance: next.balance } }))
      states.set(key, next)
    }
    await redis.evalsha(sha, taken.size, ...[...taken.keys()].map((key) => `fair:${key}`), ...args)
    for (const { socket, client, id, key } of taken.values()) {
      if (!client.isOpen) continue
      const version = states.get(key)!.version
      socket.send(JSON.stringify({ type: 'answer', id, status: 'done', version, epoch: 'fair', events: [] }))
    }
    isBusy = false
    void flush()
  }

  uWS
    .App()
    .ws<Client>('/v1/ws', {
      close(socket) {
        socket.getUserData().isOpen = false
      },
      upgrade(response, request, context) {
        const key = request.getHeader('sec-websocket-key')
        response.upgrade({ isOpen: true }, key, SUBPROTOCOL, request.getHeader('sec-websocket-extensions'), context)
      },
      message(socket, message) {
        const frame = JSON.parse(Buffer.from(message).toString('utf8'))
        if (frame.type !== 'command') return
        waiting.push({ socket, client: socket.getUserData(), id: frame.id, key: frame.key, amount: frame.input.amount })
        void flush()
      },
    })
    .listen('127.0.0.1', 0, (listening) => {
      if (listening) process.send!({ type: 'ready', port: uWS.us_socket_local_port(listening) })
      else process.exit(1)
    })
}

process.once('message', ({ redisUrl }: { redisUrl: string }) => void run(redisUrl))
process.on('SIGTERM', () => process.exit(0))
