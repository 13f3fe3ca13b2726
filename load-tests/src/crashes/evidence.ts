import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RedisProcess } from '../support/redis-process.ts'

/** What shows afterwards how a schedule came to its faults: the output of its workers, and what its Redis held. */
export class Evidence {
  readonly #folder: string
  readonly #files: number[] = []

  constructor(seed: number) {
    this.#folder = mkdtempSync(join(tmpdir(), `tidegate-crashes-${seed}-`))
  }

  /** A file for the output of a process. */
  fileFor(name: string): number {
    const file = openSync(join(this.#folder, `${name}.log`), 'a')
    this.#files.push(file)
    return file
  }

  /**
   * Adds what a Redis has written so far: another one started on it shows every log, trail and answer.
   *
   * @returns the folder
   */
  async keep(server: RedisProcess): Promise<string> {
    const copied = server.copyLogTo(join(this.#folder, 'appendonlydir'))
    // Whatever a disturbance has done to the files: the faults themselves matter more.
    await copied.catch((error: Error) => writeSync(this.fileFor('redis'), `it could not be copied: ${error.message}\n`))
    return this.#folder
  }

  close(): void {
    for (const file of this.#files.splice(0)) closeSync(file)
  }

  /** Removes it: nothing has to be explained. */
  discard(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}
