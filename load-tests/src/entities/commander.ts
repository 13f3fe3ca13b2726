/** Child process of `bench entities`: sends commands over some sockets and reports to its parent over IPC. */
import { randomUUID } from 'node:crypto'
import { percentile } from '../support/percentile.ts'
import { encodeFrame, RawWebSocket } from '../support/raw-websocket.ts'

export interface CommanderOptions {
  readonly port: number
  readonly sockets: number
  /** Commands that each socket keeps unanswered. */
  readonly inFlight: number
  /** How many there are, or which. */
  readonly keys: number | readonly string[]
  readonly warmupMs: number
  readonly measureMs: number
  /** Commands a second over all sockets; absent: as many as are answered. */
  readonly commandsPerSec?: number
}

export interface CommanderReport {
  readonly commandsPerSec: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rejected: number
  /** Commands that were answered since the start, whatever with. */
  readonly answered: number
}

const PACE_MS = 2
const ANSWER = /^\{"type":"answer","id":"([^"]+)","status":"(done|rejected)"/

class Commander {
  readonly #options: CommanderOptions
  readonly #socket: RawWebSocket
  readonly #prefix = randomUUID()
  readonly #sentAt = new Map<string, number>()
  readonly #isPaced: boolean
  #sent = 0
  readonly latencies: number[] = []
  done = 0
  rejected = 0
  answered = 0

  constructor(options: CommanderOptions) {
    this.#options = options
    this.#isPaced = options.commandsPerSec !== undefined
    this.#socket = new RawWebSocket(options.port, (payload) => this.#onFrame(payload))
  }

  async open(): Promise<void> {
    await this.#socket.open()
    this.#write({ type: 'hello', protocol: 1, client: 'bench' })
  }

  get isFree(): boolean {
    return this.#sentAt.size < this.#options.inFlight
  }

  fill(): void {
    while (this.isFree) this.send()
  }

  send(): void {
    const id = `${this.#prefix}-${this.#sent++}`
    const { keys } = this.#options
    const n = Math.floor(Math.random() * (typeof keys === 'number' ? keys : keys.length))
    const key = typeof keys === 'number' ? `account-${n}` : keys[n]!
    this.#sentAt.set(id, performance.now())
    this.#write({ type: 'command', id, entity: 'account', key, command: 'deposit', input: { amount: 1 } })
  }

  close(): void {
    this.#socket.close()
  }

  #write(frame: object): void {
    this.#socket.write(encodeFrame(Buffer.from(JSON.stringify(frame))).frame)
  }

  #onFrame(payload: Buffer): void {
    const match = ANSWER.exec(payload.toString('latin1', 0, 160))
    if (match === null) return
    const sentAt = this.#sentAt.get(match[1]!)
    this.#sentAt.delete(match[1]!)
    this.answered++
    if (match[2] === 'done') {
      this.done++
      if (sentAt !== undefined) this.latencies.push(performance.now() - sentAt)
    } else this.rejected++
    if (!this.#isPaced) this.fill()
  }
}

async function run(options: CommanderOptions): Promise<CommanderReport> {
  const commanders = Array.from({ length: options.sockets }, () => new Commander(options))
  await Promise.all(commanders.map((commander) => commander.open()))
  const { commandsPerSec } = options
  const stop = commandsPerSec === undefined ? saturate(commanders) : pace(commanders, commandsPerSec)
  await pause(options.warmupMs)
  for (const commander of commanders) {
    commander.done = 0
    commander.latencies.length = 0
  }
  const startedAt = performance.now()
  await pause(options.measureMs)
  const seconds = (performance.now() - startedAt) / 1_000
  const done = commanders.reduce((sum, commander) => sum + commander.done, 0)
  const latencies = commanders.flatMap((commander) => commander.latencies)
  stop()
  for (const commander of commanders) commander.close()
  return {
    commandsPerSec: Math.round(done / seconds),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    rejected: commanders.reduce((sum, commander) => sum + commander.rejected, 0),
    answered: commanders.reduce((sum, commander) => sum + commander.answered, 0),
  }
}

function saturate(commanders: readonly Commander[]): () => void {
  for (const commander of commanders) commander.fill()
  return () => {}
}

/** Sends at a fixed rate whatever the answers do; latency is from the send. */
function pace(commanders: readonly Commander[], perSec: number): () => void {
  const startedAt = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) / 1_000) * perSec
    while (sent < due) {
      const commander = commanders[sent++ % commanders.length]!
      if (commander.isFree) commander.send()
    }
  }, PACE_MS)
  return () => clearInterval(timer)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

process.once('message', (options: CommanderOptions) => {
  run(options).then(
    (report) => process.send!(report, () => process.exit(0)),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
