import { Worker } from 'node:worker_threads'

/** An input that has not returned by then never will: honest ones take some milliseconds. */
const HANG_MS = 60_000

/** Runs in another thread, which is the only one that can still say anything. */
const WATCH = `
const { parentPort, workerData: { beats, hangMs } } = require('node:worker_threads')
let doing = ''
let seen = 0
let since = performance.now()
parentPort.on('message', (text) => { doing = text })
setInterval(() => {
  const now = Atomics.load(beats, 0)
  if (now !== seen) since = performance.now()
  seen = now
  if (performance.now() - since < hangMs) return
  require('node:fs').writeSync(2, '[fuzz] hang: ' + doing + '\\n')
  process.kill(process.pid, 'SIGKILL')
}, 1000)
`

/** Ends the process where an input does not return, and says which. */
export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker = new Worker(WATCH, {
    eval: true,
    execArgv: [],
    workerData: { beats: this.#beats, hangMs: HANG_MS },
  })

  constructor() {
    this.#worker.unref()
  }

  /** What is said if nothing beats any more. */
  doing(text: string): void {
    this.#worker.postMessage(text)
  }

  beat(): void {
    Atomics.add(this.#beats, 0, 1)
  }
}
