import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { createClient } from '@tidegate/client/node'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { useAuthorities } from '../support/certificates.ts'
import { until } from '../support/tidegate-process.ts'
import { useGateway } from '../support/use-gateway.ts'

const ca = useAuthorities()('authority')
const device = ca.issue('device')
const server = await useGateway(undefined, { tls: { ...ca.issue('gateway'), clientCa: ca.cert } })
const trusted = { ca: readFileSync(ca.cert), cert: readFileSync(device.cert), key: readFileSync(device.key) }

it('T-TLS-1 T-TLS-4 the SDK publishes and subscribes over TLS with a client certificate, and HTTP is served', async () => {
  class Trusting extends WebSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(url, protocols, trusted)
    }
  }
  const client = createClient({ url: `https://127.0.0.1:${server.port}`, WebSocket: Trusting })
  const events: unknown[] = []
  await client.subscribe('sensor.reading', {}, (event) => void events.push(event)).ready
  await client.publish('sensor.reading', [{ data: { sensorId: 'attic', temperature: 21.5, humidity: 40 } }])
  await until(() => events.length === 1, 'the event')
  expect(events[0]).toMatchObject({ topic: 'sensor.reading', key: 'attic' })
  await client.close({ deadlineMs: 100 })
  const status = await new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${server.port}/v1/topics`, trusted, (answer) => resolve(answer.resume().statusCode)).on(
      'error',
      reject,
    )
  })
  expect(status).toBe(200)
})
