import { copyFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { FIRST_METRICS_PORT, type OpsServer, openOpsServer } from '../../src/ops/index.ts'
import type { OpsSettings } from '../../src/ops/ops-server.ts'
import { readTls } from '../../src/tls.ts'
import { useAuthorities } from '../support/certificates.ts'

const authorityOf = useAuthorities()
const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

async function start(changes: Partial<OpsSettings> = {}): Promise<OpsServer> {
  const server = await openOpsServer({
    host: '127.0.0.1',
    port: 0,
    hosts: [],
    readiness: () => ({ ready: true }),
    metrics: async () => 'a_metric 1\n',
    warn: () => {},
    ...changes,
  })
  open.push(server)
  return server
}

const ask = (port: number, path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)

function statusOf(port: number, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, path: '/metrics', headers }, (answer) => resolve(answer.resume().statusCode))
      .on('error', reject)
      .end()
  })
}

describe('port for operators', () => {
  it('OPS-PORT-1 answers three paths to GET and HEAD, and nothing else', async () => {
    const { port } = await start()
    expect(await (await ask(port, '/livez')).json()).toEqual({ live: true })
    expect(await (await ask(port, '/readyz')).json()).toEqual({ ready: true })
    const metrics = await ask(port, '/metrics?x=1')
    expect([metrics.headers.get('content-type'), await metrics.text()]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'a_metric 1\n',
    ])
    expect(await (await ask(port, '/metrics', { method: 'HEAD' })).text()).toBe('')
    for (const path of ['/', '/v1/slow', '/v1/topics', '/metrics/']) expect((await ask(port, path)).status).toBe(404)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask(port, '/metrics', { method })).status).toBe(405)
    }
  })

  it('OPS-READY-1 OPS-READY-2 /readyz - is 503 with the report while it is not ready', async () => {
    const { port } = await start({ readiness: () => ({ ready: false, red: ['x'] }) })
    const answer = await ask(port, '/readyz')
    expect([answer.status, await answer.json()]).toEqual([503, { ready: false, red: ['x'] }])
  })

  it('OPS-PORT-1 /metrics - those who ask at once share one answer', async () => {
    let rendered = 0
    const metrics = async () => {
      rendered++
      await new Promise((resolve) => setTimeout(resolve, 50))
      return 'a_metric 1\n'
    }
    const { port } = await start({ metrics })
    await Promise.all(Array.from({ length: 20 }, async () => (await ask(port, '/metrics')).text()))
    expect(rendered).toBeLessThan(20)
    const before = rendered
    await ask(port, '/metrics')
    expect(rendered).toBe(before + 1)
  })

  it('OPS-PORT-1 an answer that cannot be made - is 500 and a line of the log, and the process goes on', async () => {
    const lines: string[] = []
    const metrics = () => Promise.reject(new Error('a secret'))
    const { port } = await start({ metrics, warn: (line) => lines.push(line) })
    const answer = await ask(port, '/metrics')
    expect([answer.status, (await answer.text()).includes('secret')]).toEqual([500, false])
    expect(lines).toEqual(['/metrics could not be answered: Error: a secret'])
    expect((await ask(port, '/livez')).status).toBe(200)
  })

  it('OPS-PORT-2 without a port - each takes the first free one from 9464 on', async () => {
    const first = await start({ port: undefined })
    const second = await start({ port: undefined })
    expect(first.port).toBeGreaterThanOrEqual(FIRST_METRICS_PORT)
    expect(second.port).toBeGreaterThan(first.port)
  })

  it('OPS-PORT-2 a named port that is taken - is refused with what to do', async () => {
    const taken = createServer()
    open.push(taken)
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    await expect(start({ port })).rejects.toThrow(/the port is taken.*--metrics-port/)
  })

  it.each([
    [{ host: 'evil.example' }, 403],
    [{ host: '127.0.0.1.evil.example' }, 403],
    [{ host: 'localhost:1' }, 200],
    [{ host: '[::1]:1' }, 200],
    [{ host: '127.0.0.1', origin: 'https://evil.example' }, 403],
    [{ host: '127.0.0.1', origin: 'http://localhost:3000' }, 403],
    [{ host: '127.0.0.1', 'sec-fetch-site': 'cross-site' }, 403],
  ])('OPS-PORT-3 %j - is answered with %i', async (headers, status) => {
    const { port } = await start()
    expect(await statusOf(port, headers as unknown as Record<string, string>)).toBe(status)
  })

  it('OPS-PORT-4 with a certificate - it speaks TLS and nothing else, and takes one that was renewed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const authority = authorityOf('authority')
    const files = authority.issue('first')
    const { port } = await start({ tls: await readTls(files) })
    await expect(ask(port, '/livez')).rejects.toThrow()
    const [status, before] = await askSecurely(port)
    expect(status).toBe(200)
    const renewed = authority.issue('second')
    copyFileSync(renewed.cert, files.cert)
    copyFileSync(renewed.key, files.key)
    vi.advanceTimersByTime(10_000)
    await expect.poll(async () => (await askSecurely(port))[1]).not.toBe(before)
    vi.useRealTimers()
  })
})

function askSecurely(port: number): Promise<[status: number | undefined, fingerprint: string]> {
  return new Promise((resolve, reject) => {
    httpsRequest({ port, path: '/livez', rejectUnauthorized: false, agent: false }, (answer) => {
      const { fingerprint256 } = (answer.socket as TLSSocket).getPeerCertificate()
      resolve([answer.resume().statusCode, fingerprint256])
    })
      .on('error', reject)
      .end()
  })
}
