import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse, parseDocument } from 'yaml'
import { DASHBOARD } from '../../../scripts/pages/metrics.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { openCommandConnection, untilReady } from '../../src/bus/redis/connection.ts'
import { COMMANDS } from '../../src/cli/main.ts'
import { CHILD_DRAIN_MS } from '../../src/cli/processes/child-life.ts'
import { readSettings, VARIABLES } from '../../src/config/settings/settings.ts'
import { parseRedisAddress } from '../../src/redis-address.ts'
import { command, endWithThisProcess, freePort, redisBinary, startTestRedis, untilListening } from '../support/redis.ts'

interface Service {
  readonly build?: string
  readonly image?: string
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly profiles?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly stop_grace_period?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
}

const read = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8')
const document = parseDocument(read('docker-compose.yml'), { merge: true })
const { services, volumes } = document.toJS() as { services: Record<string, Service>; volumes: Record<string, null> }
const ours = Object.entries(services).filter(([, { build }]) => build !== undefined)
const settingsOf = (name: string) =>
  readSettings({}, { ...services[name]!.environment, REDIS_URL: 'redis://redis:6379' })
const NODES = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6']

describe('docker compose', () => {
  test('docker-compose.yml - is YAML and has Redis, gateways, workers and a proxy; a cluster, Prometheus and Grafana on demand', () => {
    expect([...document.errors, ...document.warnings]).toEqual([])
    const always = Object.entries(services).filter(([, { profiles }]) => profiles === undefined)
    expect(always.map(([name]) => name)).toEqual(['redis', 'gateway', 'worker', 'proxy'])
    const clustered = Object.entries(services).filter(([, { profiles }]) => profiles?.includes('cluster'))
    expect(clustered.map(([name]) => name)).toEqual([...NODES, 'redis-cluster'])
    const observing = Object.entries(services).filter(([, { profiles }]) => profiles?.includes('observe'))
    expect(observing.map(([name]) => name)).toEqual(['prometheus', 'grafana'])
    expect(ours.map(([name]) => name)).toEqual(['gateway', 'worker'])
  })

  test.each(ours)('%s - its command is one of the command line', (_, { command }) => {
    expect(Object.keys(COMMANDS)).toContain(command[0])
  })

  test.each(ours)('%s - its variables are settings, with values they accept', (_, { environment = {} }) => {
    const known = Object.values(VARIABLES).map(({ name }) => name)
    expect(known).toEqual(expect.arrayContaining(Object.keys(environment)))
    const [, otherwise] = /^\$\{REDIS_URL:-(.*)\}$/.exec(environment.REDIS_URL!)!
    expect(readSettings({}, { ...environment, REDIS_URL: otherwise }).redisUrl).toBe('redis://redis:6379')
  })

  test.each(ours)('%s - may do nothing that it need not, and gets the time that it needs to stop', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
    expect(Number.parseInt(service.stop_grace_period!, 10) * 1_000).toBeGreaterThan(CHILD_DRAIN_MS + 1_000)
  })

  test('gateway and worker - are asked for their health where they answer', () => {
    const urlOf = (name: string) => services[name]!.healthcheck!.test.at(-1)
    expect(urlOf('gateway')).toBe(`http://127.0.0.1:${settingsOf('gateway').adminPort}/readyz`)
    expect(urlOf('worker')).toBe(`http://127.0.0.1:${settingsOf('worker').metricsPort}/readyz`)
  })

  test('images - are pinned to a version', () => {
    for (const [name, { image }] of Object.entries(services)) {
      if (name in Object.fromEntries(ours)) continue
      expect(image).toMatch(/^[\w/.-]+:v?\d+\.\d+/)
    }
  })

  test('volumes - are declared, and files that are mounted exist', () => {
    for (const { volumes: mounted = [] } of Object.values(services)) {
      for (const [from] of mounted.map((volume) => volume.split(':'))) {
        if (from!.startsWith('./')) expect([from, existsSync(join(REPOSITORY, from!))]).toEqual([from, true])
        else expect(Object.keys(volumes)).toContain(from)
      }
    }
  })

  test('ports - are published to this machine alone, since nobody is asked who it is', () => {
    expect(settingsOf('gateway').anonymous).toBe('all')
    const published = Object.values(services).flatMap(({ ports = [] }) => ports)
    expect(published.length).toBeGreaterThan(0)
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    expect(services.gateway!.ports).toBeUndefined()
    expect(read('docker-compose.yml')).toMatch(/# Only this machine .*docs\/access\.md/)
    expect(existsSync(join(REPOSITORY, 'docs/access.md'))).toBe(true)
  })

  test('proxy - listens where it is published, and leads to the gateways, for everything but what is for operators', () => {
    const config = read('deploy/nginx/nginx.conf')
    const { port, host } = settingsOf('gateway')
    expect(host).toBe('0.0.0.0')
    expect(config).toContain(`set $gateways gateway:${port};`)
    const [, listens] = /^ *listen (\d+);$/m.exec(config)!
    expect(services.proxy!.ports).toEqual([`127.0.0.1:${listens}:${listens}`])
    expect(config).toMatch(/location ~ \^\/\(metrics\|v1\/slow\|v1\/status\)\$ \{\n\s*return 404;/)
    expect(settingsOf('gateway').trustedProxies).toBeDefined()
  })

  test('prometheus - scrapes gateways and workers at their ports for operators, and loads the alert rules', () => {
    interface Job {
      readonly job_name: string
      readonly dns_sd_configs: readonly { readonly names: readonly string[]; readonly port: number }[]
    }
    const config = parse(read('deploy/prometheus/prometheus.yml')) as { rule_files: string[]; scrape_configs: Job[] }
    expect(
      config.scrape_configs.map(({ job_name, dns_sd_configs: [found] }) => [job_name, found!.names, found!.port]),
    ).toEqual([
      ['tidegate-gateway', ['gateway'], settingsOf('gateway').adminPort],
      ['tidegate-worker', ['worker'], settingsOf('worker').metricsPort],
    ])
    for (const name of ['gateway', 'worker']) expect(settingsOf(name).adminHost).toBe('0.0.0.0')
    const mount = services.prometheus!.volumes![0]!.split(':')
    const rules = config.rule_files.map((file) => file.replace(mount[1]!, mount[0]!))
    expect(rules.filter((file) => !existsSync(join(REPOSITORY, file)))).toEqual([])
  })

  test('grafana - finds the dashboard, and Prometheus under its name', () => {
    const source = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { url: string; jsonData: { timeInterval: string } }[]
    }
    expect(source.datasources[0]!.url).toBe('http://prometheus:9090')
    expect(read('deploy/prometheus/prometheus.yml')).toContain(
      `scrape_interval: ${source.datasources[0]!.jsonData.timeInterval}\n`,
    )
    const [, file] = services.grafana!.volumes!.find((volume) => volume.startsWith(`./${DASHBOARD}:`))!.split(':')
    const provider = read('deploy/grafana/provisioning/dashboards/tidegate.yml')
    expect(file!.startsWith(/path: (\S+)/.exec(provider)![1]!)).toBe(true)
    expect(services.grafana!.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(file)
  })

  test('redis-cluster - waits for six nodes, and the address that leads to them names some', () => {
    const { command, depends_on: after = {} } = services['redis-cluster']!
    expect(Object.keys(after)).toEqual(NODES)
    expect(command.slice(2)).toEqual(NODES.map((name) => `${name}:6379`))
    expect(read('docker-compose.yml')).toContain(`./deploy/redis-cluster/join.sh:${command[1]}:ro`)
    for (const page of ['docker-compose.yml', 'docs/deploy.md']) {
      const [, url] = /REDIS_URL=(\S+) docker compose --profile cluster up/.exec(read(page))!
      const address = parseRedisAddress(url!)
      if (address.kind !== 'cluster') expect.unreachable()
      expect(NODES).toEqual(expect.arrayContaining(address.seeds.map(({ host }) => host)))
    }
    for (const name of ['gateway', 'worker']) {
      expect(services[name]!.depends_on!['redis-cluster']).toEqual({
        ...{ condition: 'service_completed_successfully', required: false },
      })
    }
  })

  test('redis-cluster - its nodes become a cluster, and find each other again at other addresses', async () => {
    const nodes = await Promise.all(NODES.map((name) => ClusterNode.start(services[name]!.command)))
    const whole = /cluster_state:ok[\s\S]*cluster_known_nodes:6\r\n[\s\S]*cluster_size:3/
    const ask = async (...words: [string, ...string[]]) => String(await command(nodes[0]!.url, ...words))
    try {
      await joined(nodes)
      expect(await ask('CLUSTER', 'INFO')).toMatch(whole)
      await Promise.all(nodes.map((node) => node.moved()))
      await joined(nodes)
      expect(await ask('CLUSTER', 'INFO')).toMatch(whole)
      // A replica that the others have yet to find again is known by its old address until then.
      const isKnown = async () => {
        const known = await ask('CLUSTER', 'NODES')
        return nodes.every(({ port }) => known.includes(`127.0.0.1:${port}@`))
      }
      await expect.poll(isKnown, { timeout: 10_000 }).toBe(true)
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
    }
  })

  test.each(['redis', 'redis-1'])('%s - its command is one that a Redis accepts', async (name) => {
    const [program, ...options] = services[name]!.command
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
})

/** A node as the file starts it, on a loopback port. */
class ClusterNode {
  port = 0
  readonly #folder: string
  readonly #options: readonly string[]
  #child: ChildProcess | undefined

  private constructor(folder: string, options: readonly string[]) {
    this.#folder = folder
    this.#options = options
  }

  static async start([, ...options]: readonly string[]): Promise<ClusterNode> {
    const node = new ClusterNode(await mkdtemp(join(tmpdir(), 'tidegate-node-')), options)
    await node.#run()
    return node
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** It starts again on its data, at another port. */
  async moved(): Promise<void> {
    await this.#end()
    await this.#run()
  }

  async close(): Promise<void> {
    await this.#end()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #run(): Promise<void> {
    // The port by which nodes know each other is 10,000 above it.
    do this.port = await freePort()
    while (this.port > 55_000)
    const { command: file, environment } = await redisBinary()
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder]
    const child = spawn(file, [...place, ...this.#options, '--cluster-node-timeout', '1000'], {
      stdio: 'ignore',
      env: { ...process.env, ...environment },
    })
    endWithThisProcess(child)
    await untilListening(this.port)
    this.#child = child
  }

  async #end(): Promise<void> {
    const ended = once(this.#child!, 'exit')
    this.#child!.kill('SIGKILL')
    await ended
  }
}

async function joined(nodes: readonly ClusterNode[]): Promise<void> {
  const { command: file, environment } = await redisBinary()
  const path = `${isAbsolute(file) ? `${dirname(file)}:` : ''}${process.env.PATH}`
  await promisify(execFile)('sh', ['deploy/redis-cluster/join.sh', ...nodes.map(({ port }) => `127.0.0.1:${port}`)], {
    cwd: REPOSITORY,
    env: { ...process.env, ...environment, PATH: path },
  })
}
