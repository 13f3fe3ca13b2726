import { SUBPROTOCOL } from '@tidegate/protocol'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { contract } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'

const server = await useGateway(contract, { access: { anonymous: 'local', toleranceSeconds: 0, rightsClaim: '' } })

it.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via'])(
  'ACC-DOOR-6 a gateway that asks nobody because it is local refuses what came through a proxy (%s)',
  async (name) => {
    const headers = { [name]: '203.0.113.7' }
    const topics = (of: object) => fetch(`${server.url}/v1/topics`, { headers: { ...of } })
    expect((await topics({})).status).toBe(200)
    const refused = await topics(headers)
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'forbidden' } }])
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/ws`, SUBPROTOCOL, { headers })
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_, response) => resolve(response.statusCode))
      socket.on('open', () => resolve('open'))
      socket.on('error', () => {})
    })
    socket.terminate()
    expect(status).toBe(403)
  },
)
