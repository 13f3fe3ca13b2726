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
const server = await useGateway(undefined, {
  tls: { ...ca.issue('gateway'), clientCa: ca.cert },
  operators: { host: '127.0.0.1', port: 0 },
})
const trusted = { ca: readFileSync(ca.cert), cert: readFileSync(device.cert), key: readFileSync(device.key) }

it('T-TLS-1 T-TLS-4 G-OPS-3 the SDK publishes and subscribes over TLS with a client certificate, and HTTP is served, to operators too', async () => {
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
  const status = (port: number, path: string) =>
    new Promise((resolve, reject) => {
      get(`https://127.0.0.1:${port}${path}`, trusted, (answer) => resolve(answer.resume().statusCode)).on(
        'error',
        reject,
      )
    })
  expect(await status(server.port, '/v1/topics')).toBe(200)
  expect(await status(server.gateway.operatorsPort!, '/metrics')).toBe(200)
})
