import { readFileSync } from 'node:fs'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ANYBODY } from '../../src/access/index.ts'
import { isOperator } from '../../src/gateway/http/operator-right.ts'
import { contract } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { OPERATOR_PATHS } from './access-rows.ts'

const server = await useGateway(contract, { access: { anonymous: 'local', toleranceSeconds: 0, rightsClaim: '' } })

it.each(['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'X-Real-IP', 'CF-Connecting-IP', 'Via'])(
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

const open = await useGateway(contract, { access: { anonymous: 'everything', toleranceSeconds: 0, rightsClaim: '' } })

it.each(['X-Forwarded-For', 'Via'])(
  'G-OPS-4 a gateway that asks nobody on purpose shows a proxy its data, and nothing of its clients (%s)',
  async (name) => {
    const ask = (path: string, headers: Record<string, string> = {}) => fetch(open.url + path, { headers })
    const proxied = { [name]: '127.0.0.1' }
    for (const path of [...OPERATOR_PATHS, '/v1/dead-letters']) {
      expect([path, (await ask(path)).status]).toEqual([path, 200])
      const refused = await ask(path, proxied)
      expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('TIDEGATE_ADMIN_PORT')])
    }
    expect(Object.keys(await (await ask('/readyz', proxied)).json())).toEqual(['ready'])
    expect((await ask('/v1/topics', proxied)).status).toBe(200)
  },
)

it.each([
  ['127.0.0.1', true],
  ['127.66.6.6', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.9', false],
  ['::ffff:10.0.0.9', false],
  ['fe80::1', false],
  ['', false],
])('G-OPS-4 whoever comes from %j is an operator: %s', (remoteAddress, expected) => {
  const arrival = { remoteAddress, header: () => undefined }
  expect(isOperator({ isOpen: true }, ANYBODY, arrival)).toBe(expected)
  // Where callers say who they are, that counts.
  expect(isOperator({ isOpen: false }, ANYBODY, arrival)).toBe(true)
})

it('G-OPS-4 the proxies of the documentation and of docker compose pass on no route of operators', () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
  const page = read('docs/proxy.md')
  for (const text of [page, read('deploy/nginx/nginx.conf')]) {
    const pattern = new RegExp(/location ~ (\S+) \{\s*return 404;/.exec(text)![1]!)
    for (const path of OPERATOR_PATHS) expect([path, pattern.test(path)]).toEqual([path, true])
    expect(pattern.test('/v1/slower')).toBe(false)
  }
  expect(/@operators path (.+)/.exec(page)![1]!.split(' ').sort()).toEqual([...OPERATOR_PATHS].sort())
})
