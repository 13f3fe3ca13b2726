import { Agent, request } from 'node:http'
import { residentBytes } from '../support/memory.ts'
import type { Deployment } from './deployment.ts'
import type { Member } from './member.ts'

/** One question to a gateway over HTTP; times are `performance.now()`. */
export interface Probe {
  readonly gateway: string
  readonly startedAt: number
  readonly endedAt: number
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
}

const EVERY_MS = 50
const MEMORY_EVERY_MS = 500
const READY_DEADLINE_MS = 2_000
const PUBLISH_DEADLINE_MS = 10_000
const OK = 200

/**
 * Asks every gateway again and again whether it is ready, and publishes through it, as load balancers and devices do.
 */
export class Probes {
  readonly readiness: Probe[] = []
  readonly publishes: Probe[] = []
  /** Process id -> resident memory, bytes: at first, and at most. */
  readonly memory = new Map<number, { readonly first: number; peak: number }>()
  readonly #agent = new Agent({ keepAlive: true })
  readonly #timers: readonly NodeJS.Timeout[]
  #n = 0
  #stopped = false

  constructor(deployment: Deployment) {
    const probe = () => {
      for (const gateway of deployment.gateways) {
        void this.#ask(gateway, this.readiness, 'GET', '/readyz', READY_DEADLINE_MS)
        const event = { topic: 'chaos.probe', data: { key: `k-${this.#n++}` } }
        void this.#ask(gateway, this.publishes, 'POST', '/v1/events', PUBLISH_DEADLINE_MS, JSON.stringify(event))
      }
    }
    const weigh = () => {
      for (const { pid } of deployment.members) if (pid !== undefined) void this.#weigh(pid)
    }
    weigh()
    this.#timers = [setInterval(probe, EVERY_MS), setInterval(weigh, MEMORY_EVERY_MS)]
  }

  /** The present memory becomes the base of the comparison. */
  rebase(): void {
    this.memory.clear()
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#agent.destroy()
  }

  /** Whether the last answer of every gateway says that it is ready. */
  isGreen(gateways: readonly Member[]): boolean {
    return gateways.every(({ name }) => this.readiness.findLast(({ gateway }) => gateway === name)?.status === OK)
  }

  async #ask(
    { name, port }: Member,
    into: Probe[],
    method: string,
    path: string,
    deadlineMs: number,
    body = '',
  ): Promise<void> {
    const startedAt = performance.now()
    const status = await this.#request(port, method, path, deadlineMs, body)
    if (!this.#stopped) into.push({ gateway: name, startedAt, endedAt: performance.now(), status })
  }

  #request(port: number, method: string, path: string, deadlineMs: number, body: string): Promise<number> {
    return new Promise((resolve) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: this.#agent }, (answer) => {
        answer.resume()
        answer.once('end', () => resolve(answer.statusCode ?? 0))
      })
      asked.setTimeout(deadlineMs, () => asked.destroy())
      asked.once('error', () => resolve(0))
      asked.once('close', () => resolve(0))
      asked.end(body)
    })
  }

  async #weigh(pid: number): Promise<void> {
    const bytes = await residentBytes(pid).catch(() => 0)
    const known = this.memory.get(pid)
    if (known === undefined) this.memory.set(pid, { first: bytes, peak: bytes })
    else known.peak = Math.max(known.peak, bytes)
  }
}
