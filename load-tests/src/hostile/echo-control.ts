import type { ChildProcess } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { ask, startModule } from '../support/processes.ts'

/** As often as the well-behaved client publishes. */
const EVERY_MS = 10
const TIME_BYTES = 8

/**
 * Round trips to a process that only sends back what it gets: what the machine itself makes wait, with everything that runs
 * on it. A gateway cannot be better.
 */
export class EchoControl {
  readonly #child: ChildProcess
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  #latenciesMs: number[] = []

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.on('error', () => {})
    this.#socket.on('data', (sentAt) => this.#received(sentAt))
    this.#timer = setInterval(() => this.#send(), EVERY_MS)
  }

  static async start(): Promise<EchoControl> {
    const child = startModule(new URL('./echo.ts', import.meta.url))
    const { port } = await ask<{ port: number }>(child, 'listen')
    return new EchoControl(child, port)
  }

  /** Since the last call, ms. */
  takeLatenciesMs(): number[] {
    const taken = this.#latenciesMs
    this.#latenciesMs = []
    return taken
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
    this.#child.kill('SIGKILL')
  }

  #send(): void {
    const sentAt = Buffer.alloc(TIME_BYTES)
    sentAt.writeDoubleLE(performance.now())
    this.#socket.write(sentAt)
  }

  /** Messages of eight bytes are never split on this machine. */
  #received(sentAt: Buffer): void {
    for (let at = 0; at < sentAt.length; at += TIME_BYTES) {
      this.#latenciesMs.push(performance.now() - sentAt.readDoubleLE(at))
    }
  }
}
