import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { slotOf } from '../../src/bus/redis/hash-slot.ts'
import { command, endWithThisProcess, freePort, MEMORY_FOLDERS, redisBinary, untilListening } from './redis.ts'

const SLOTS = 16_384
const READY_MS = 45_000
const POLL_MS = 20

export interface RedisClusterOptions {
  readonly masters: number
  /** Of each master. */
  readonly replicas?: number
  /** After so much silence of a node the others hold it to be down, ms. */
  readonly nodeTimeoutMs?: number
}

/** A cluster of real processes on loopback ports. The masters share the slots evenly; one that fails leaves the others to serve on. */
export class RedisCluster {
  /** Masters at first, then their replicas in the same order. */
  readonly nodes: readonly ClusterProcess[]

  private constructor(nodes: readonly ClusterProcess[]) {
    this.nodes = nodes
  }

  static async start({ masters, replicas = 0, nodeTimeoutMs = 1_000 }: RedisClusterOptions): Promise<RedisCluster> {
    const count = masters * (1 + replicas)
    const nodes = await Promise.all(Array.from({ length: count }, () => ClusterProcess.start(nodeTimeoutMs)))
    const cluster = new RedisCluster(nodes)
    const bounds = Array.from({ length: masters + 1 }, (_, i) => Math.round((i * SLOTS) / masters))
    for (const [i, node] of nodes.entries()) {
      await node.command('CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`)
      if (i < masters) await node.command('CLUSTER', 'ADDSLOTSRANGE', `${bounds[i]}`, `${bounds[i + 1]! - 1}`)
      if (i > 0) await nodes[0]!.command('CLUSTER', 'MEET', '127.0.0.1', `${node.port}`, `${node.busPort}`)
    }
    await cluster.#each(async (node) => (await node.view()).length === count)
    for (const [i, node] of nodes.slice(masters).entries()) {
      await node.command('CLUSTER', 'REPLICATE', await nodes[i % masters]!.id())
    }
    await cluster.ready()
    return cluster
  }

  /** For `REDIS_URL`. */
  get url(): string {
    return this.urlOf()
  }

  /** @param login `user:password@` @param tail behind the nodes */
  urlOf({ login = '', tail = '' } = {}): string {
    return `redis+cluster://${login}${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}${tail}`
  }

  /** Waits until all nodes that run agree that the cluster serves, and all replicas follow their masters. */
  async ready(): Promise<void> {
    await this.#each(async (node) => {
      const [info, replication] = await Promise.all([
        node.command('CLUSTER', 'INFO'),
        node.command('INFO', 'replication'),
      ])
      const isFollowing =
        !String(replication).includes('role:slave') || /master_link_status:up/.test(String(replication))
      return /cluster_state:ok/.test(String(info)) && /cluster_slots_ok:16384/.test(String(info)) && isFollowing
    })
  }

  /** The node that serves the slot of a key, as another node that runs sees it. */
  async ownerOf(key: string): Promise<ClusterProcess> {
    return this.ownerOfSlot(slotOf(key))
  }

  async ownerOfSlot(slot: number, seenBy?: ClusterProcess): Promise<ClusterProcess> {
    const asked = seenBy ?? this.nodes.find(({ isRunning }) => isRunning)!
    const ranges = (await asked.command('CLUSTER', 'SLOTS')) as readonly [number, number, [string, number]][]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)!
    return this.nodes.find(({ port }) => port === range[2][1])!
  }

  async masters(): Promise<ClusterProcess[]> {
    const isMaster = await Promise.all(this.nodes.map(async (node) => node.isRunning && (await node.servesSlots())))
    return this.nodes.filter((_, i) => isMaster[i])
  }

  async replicaOf(master: ClusterProcess): Promise<ClusterProcess> {
    const id = await master.id()
    const lines = await master.view()
    const line = lines.find((one) => one.split(' ')[3] === id)!
    return this.nodes.find(({ port }) => line.includes(`:${port}@`))!
  }

  /** Waits until another node serves what this one did, by what all others say. */
  async replaced(master: ClusterProcess): Promise<void> {
    await eventually(async () => {
      const seen = await Promise.all(
        this.nodes.filter((node) => node !== master && node.isRunning).map((node) => node.command('CLUSTER', 'SLOTS')),
      )
      return (seen as (readonly [number, number, [string, number]])[][]).every((ranges) =>
        ranges.every(([, , [, port]]) => port !== master.port),
      )
    })
  }

  /** Moves a slot with all of its keys, as `redis-cli --cluster reshard` does. @param midway called when half of the keys are there */
  async moveSlot(slot: number, to: ClusterProcess, midway: () => Promise<void> = async () => {}): Promise<void> {
    const from = await this.ownerOfSlot(slot)
    const [fromId, toId] = await Promise.all([from.id(), to.id()])
    await to.command('CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', toId)
    const names = (await from.command('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '100000')) as readonly string[]
    const half = Math.floor(names.length / 2)
    const migrate = async (some: readonly string[]) => {
      if (some.length === 0) return
      await from.command('MIGRATE', '127.0.0.1', `${to.port}`, '', '0', '5000', 'KEYS', ...some)
    }
    await migrate(names.slice(0, half))
    await midway()
    for (;;) {
      const left = (await from.command('CLUSTER', 'GETKEYSINSLOT', `${slot}`, '1000')) as readonly string[]
      if (left.length === 0) break
      await migrate(left)
    }
    for (const node of [to, from, ...this.nodes.filter((one) => one !== to && one !== from && one.isRunning)]) {
      await node.command('CLUSTER', 'SETSLOT', `${slot}`, 'NODE', toId).catch(() => {})
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
  }

  async #each(isSo: (node: ClusterProcess) => Promise<boolean>): Promise<void> {
    const running = this.nodes.filter(({ isRunning }) => isRunning)
    await eventually(async () => (await Promise.all(running.map(isSo))).every(Boolean))
  }
}

/** One redis-server in cluster mode. */
export class ClusterProcess {
  readonly port: number
  readonly busPort: number
  readonly #options: readonly string[]
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(port: number, busPort: number, folder: string, nodeTimeoutMs: number) {
    this.port = port
    this.busPort = busPort
    this.#folder = folder
    this.#options = [
      ...['--port', `${port}`, '--cluster-port', `${busPort}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--cluster-enabled', 'yes', '--cluster-node-timeout', `${nodeTimeoutMs}`],
      // One that fails stops its own slots only. A replica takes over even if it has heard nothing for a while.
      ...['--cluster-require-full-coverage', 'no', '--cluster-replica-validity-factor', '0'],
      ...['--repl-diskless-sync-delay', '0'],
    ]
  }

  static async start(nodeTimeoutMs: number): Promise<ClusterProcess> {
    const folder = await mkdtemp(join(MEMORY_FOLDERS, 'tidegate-cluster-'))
    const node = new ClusterProcess(await freePort(), await freePort(), folder, nodeTimeoutMs)
    await node.run()
    return node
  }

  /** Starts it on what it has stored. */
  async run(): Promise<void> {
    const { command: file, environment } = await redisBinary()
    this.#child = spawn(file, this.#options, { stdio: 'ignore', env: { ...process.env, ...environment } })
    endWithThisProcess(this.#child)
    await untilListening(this.port)
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  command(name: string, ...args: readonly string[]): Promise<unknown> {
    return command(this.url, name, ...args)
  }

  async id(): Promise<string> {
    return String(await this.command('CLUSTER', 'MYID'))
  }

  /** The nodes that it knows and is connected to, a line of `CLUSTER NODES` each. */
  async view(): Promise<string[]> {
    const lines = String(await this.command('CLUSTER', 'NODES'))
      .trim()
      .split('\n')
    return lines.filter((line) => !/handshake|noaddr|disconnected/.test(line))
  }

  async isMaster(): Promise<boolean> {
    return String(await this.command('INFO', 'replication')).includes('role:master')
  }

  /** A master without slots serves nobody. */
  async servesSlots(): Promise<boolean> {
    const line = (await this.view()).find((one) => one.includes('myself,master'))
    return line !== undefined && line.split(' ').length > 8
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal)
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async close(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + READY_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    if (await isSo().catch(() => false)) return
  }
  throw new Error(`a cluster was not as it should be in ${READY_MS} ms`)
}
