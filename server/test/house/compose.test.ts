import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { openCommandConnection, untilReady } from '../../src/bus/connection.ts'
import { COMMANDS } from '../../src/cli/main.ts'
import { readSettings, VARIABLES } from '../../src/config/settings.ts'
import { startTestRedis } from '../support/redis.ts'

interface Service {
  readonly build?: string
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
}

const read = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8')
const document = parseDocument(read('docker-compose.yml'))
const services = (document.toJS() as { services: Record<string, Service> }).services
const ours = Object.entries(services).filter(([, { build }]) => build !== undefined)
const dockerfile = read('Dockerfile')

describe('docker compose', () => {
  test('docker-compose.yml - is YAML and has Redis, a gateway and a worker', () => {
    expect([...document.errors, ...document.warnings]).toEqual([])
    expect(Object.keys(services)).toEqual(['redis', 'gateway', 'worker'])
    expect(ours.map(([name]) => name)).toEqual(['gateway', 'worker'])
  })

  test.each(ours)('%s - its command is one of the command line', (_, { command }) => {
    expect(Object.keys(COMMANDS)).toContain(command[0])
  })

  test.each(ours)('%s - its variables are settings, with values they accept', (_, { environment = {} }) => {
    const known = Object.values(VARIABLES).map(({ name }) => name)
    expect(known).toEqual(expect.arrayContaining(Object.keys(environment)))
    expect(readSettings({}, environment).redisUrl).toBe('redis://redis:6379')
  })

  test('gateway - publishes the port it listens on, on every address inside the container', () => {
    const { port, host } = readSettings({}, services.gateway!.environment)
    expect(host).toBe('0.0.0.0')
    expect(services.gateway!.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(dockerfile).toContain(`EXPOSE ${port}`)
  })

  test('gateway - asks nobody who it is, and so publishes its port to this machine alone', () => {
    const settings = readSettings({}, services.gateway!.environment)
    expect(settings.anonymous).toBe('all')
    const published = Object.values(services).flatMap(({ ports = [] }) => ports)
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    expect(read('docker-compose.yml')).toMatch(/# Only this machine .*docs\/access\.md/)
    expect(existsSync(join(REPOSITORY, 'docs/access.md'))).toBe(true)
  })

  test('redis - its command is one that a Redis accepts', async () => {
    const [program, ...options] = services.redis!.command
    expect(program).toBe('redis-server')
    const server = await startTestRedis(options)
    const redis = openCommandConnection(server.url, 'test')
    try {
      await untilReady(redis, 5_000)
      expect(await redis.config('GET', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy')).toEqual(
        expect.arrayContaining(['everysec', 'noeviction']),
      )
    } finally {
      redis.disconnect()
      await server.close()
    }
  })

  test('Dockerfile - starts a file that exists', () => {
    const entrypoint = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)![1]!) as string[]
    expect(existsSync(join(REPOSITORY, entrypoint[1]!))).toBe(true)
  })

  test('.dockerignore - leaves out nothing that `npm ci` needs', () => {
    const ignored = read('.dockerignore').split('\n')
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', '.git']))
    expect(ignored.filter((line) => /^(package|server$|protocol|client-sdk|dashboard|load-tests$)/.test(line))).toEqual(
      [],
    )
  })
})
