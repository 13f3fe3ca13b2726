import { readFile } from 'node:fs/promises'
import { residentBytes } from './memory.ts'

const LOOK_MS = 250
const PAGE_BYTES = 4_096

export interface PeakFigures {
  readonly rssPeakMb: number
  /** All TCP sockets of the machine, both ends of each connection. */
  readonly kernelSocketMb: number
}

/** Watches the memory of processes, and of the kernel for sockets. */
export class Peaks {
  readonly #timer: NodeJS.Timeout
  #rss = 0
  #kernel = 0

  constructor(pids: readonly number[]) {
    this.#timer = setInterval(async () => {
      this.#rss = Math.max(this.#rss, await residentBytesOf(pids))
      this.#kernel = Math.max(this.#kernel, await kernelSocketBytes())
    }, LOOK_MS)
  }

  stop(): PeakFigures {
    clearInterval(this.#timer)
    return { rssPeakMb: megabytes(this.#rss), kernelSocketMb: megabytes(this.#kernel) }
  }
}

/** Of several processes; pages that they share count for each. */
export async function residentBytesOf(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0)
}

export function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}

async function kernelSocketBytes(): Promise<number> {
  const pages = /^TCP: .* mem (\d+)$/m.exec(await readFile('/proc/net/sockstat', 'utf8'))![1]
  return Number(pages) * PAGE_BYTES
}
