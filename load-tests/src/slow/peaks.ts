import { readFile } from 'node:fs/promises'
import { residentBytes } from '../support/memory.ts'

const LOOK_MS = 250
const PAGE_BYTES = 4_096

export interface PeakFigures {
  readonly rssPeakMb: number
  /** All TCP sockets of the machine, both ends of each connection. */
  readonly kernelSocketMb: number
}

/** Watches the memory of a process, and of the kernel for sockets. */
export class Peaks {
  readonly #timer: NodeJS.Timeout
  #rss = 0
  #kernel = 0

  constructor(pid: number) {
    this.#timer = setInterval(async () => {
      this.#rss = Math.max(this.#rss, await residentBytes(pid))
      this.#kernel = Math.max(this.#kernel, await kernelSocketBytes())
    }, LOOK_MS)
  }

  stop(): PeakFigures {
    clearInterval(this.#timer)
    return { rssPeakMb: megabytes(this.#rss), kernelSocketMb: megabytes(this.#kernel) }
  }
}

export function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}

async function kernelSocketBytes(): Promise<number> {
  const pages = /^TCP: .* mem (\d+)$/m.exec(await readFile('/proc/net/sockstat', 'utf8'))![1]
  return Number(pages) * PAGE_BYTES
}
