import { get } from 'node:http'
import { SUBPROTOCOL } from '@tidegate/protocol'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { readingOf } from '../support/contract.ts'
import { useGateway } from '../support/use-gateway.ts'
import { OPERATOR_PATHS, ROUTES } from './access-rows.ts'

const server = await useGateway(undefined, { operators: { host: '127.0.0.1', port: 0 } })
const operators = `http://127.0.0.1:${server.gateway.operatorsPort}`

async function ask(url: string, options: RequestInit = {}) {
  const answer = await fetch(url, options)
  const text = await answer.text()
  return { status: answer.status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

describe('operators', () => {
  it.each(['/metrics', '/v1/slow', '/v1/status'])(
    'G-OPS-1 %s - is not found at the port of the clients',
    async (path) => {
      for (const method of ['GET', 'HEAD']) expect((await ask(server.url + path, { method })).status).toBe(404)
      // As anything that does not exist.
      const { body } = await ask(`${server.url}/nowhere`)
      expect((await ask(server.url + path)).text.replace(path, '/nowhere')).toBe(`${JSON.stringify(body)}\n`)
      expect((await ask(operators + path)).status).toBe(200)
    },
  )

  it('G-OPS-1 G-OPS-2 /readyz - says everything to operators, and to others only whether the gateway is ready', async () => {
    const bare = await ask(`${server.url}/readyz`)
    const whole = await ask(`${operators}/readyz`)
    expect(Object.keys(bare.body)).toEqual(['ready'])
    expect(whole.body).toMatchObject({ ready: bare.body.ready, red: expect.any(Array), breakers: expect.any(Array) })
    expect(bare.status).toBe(whole.status)
    expect((await ask(`${operators}/livez`)).body).toEqual({ live: true })
    expect((await ask(`${server.url}/livez`)).body).toEqual({ live: true })
  })

  it('G-OPS-2 nothing else is served there: no event, query, page, stream or socket', async () => {
    const body = JSON.stringify({ topic: 'sensor.reading', ...readingOf('attic') })
    const headers = { 'content-type': 'application/json' }
    expect((await ask(`${operators}/v1/events`, { method: 'POST', body, headers })).status).toBe(404)
    expect((await ask(`${operators}/`)).status).toBe(404)
    for (const [name, { method = 'GET', path = name, isOpen }] of Object.entries(ROUTES)) {
      if (isOpen || OPERATOR_PATHS.includes(path)) continue
      expect([name, (await ask(operators + path, { method })).status]).toEqual([name, 404])
    }
    const socket = new WebSocket(`${operators.replace('http', 'ws')}/v1/ws`, SUBPROTOCOL)
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve))
    expect(error.message).toContain('404')
    expect((await ask(`${server.url}/v1/history?topic=sensor.reading`)).body.events).toEqual([])
  })

  it.each([
    ['evil.example', 403],
    ['127.0.0.1.evil.example:80', 403],
    ['localhost:1', 200],
    ['[::1]:1', 200],
    ['127.0.0.1', 200],
  ])('G-OPS-2 Host: %s - is answered with %i', async (host, expected) => {
    const status = await new Promise((resolve, reject) => {
      get(`${operators}/metrics`, { headers: { host } }, (answer) => resolve(answer.resume().statusCode)).on(
        'error',
        reject,
      )
    })
    expect(status).toBe(expected)
  })
})
