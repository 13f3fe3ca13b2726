/** Control of `bench entity-queries`: a uWebSockets.js server that answers each GET with a field of a hash in Redis. */

import uWS from 'uWebSockets.js'
import { openCommandConnection, untilReady } from '../../../server/src/bus/redis/connection.ts'

const RECORD = JSON.stringify({ v: 20, t: 1_732_350_000_000, d: 1, s: { customer: 'c-1', total: 190 } })
const FIELDS = 1_000

async function run(redisUrl: string): Promise<void> {
  const redis = openCommandConnection(redisUrl, 'bench-control')
  await untilReady(redis, 5_000)
  for (let i = 0; i < FIELDS; i++) await redis.hset('control', `o-${i}`, RECORD)
  uWS
    .App()
    .get('/:key', (response, request) => {
      let isGone = false
      response.onAborted(() => {
        isGone = true
      })
      void redis.hget('control', request.getParameter(0)!).then((text) => {
        if (isGone) return
        const { v, t, s } = JSON.parse(text!) as { v: number; t: number; s: object }
        response.cork(() => {
          response.writeHeader('content-type', 'application/json').end(JSON.stringify({ version: v, time: t, view: s }))
        })
      })
    })
    .listen('127.0.0.1', 0, (listening) => {
      if (listening) process.send!({ type: 'ready', port: uWS.us_socket_local_port(listening) })
      else process.exit(1)
    })
}

process.once('message', ({ redisUrl }: { redisUrl: string }) => void run(redisUrl))
process.on('SIGTERM', () => process.exit(0))
