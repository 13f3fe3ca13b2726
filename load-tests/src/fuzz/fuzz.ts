import fc from 'fast-check'
import { type KeptInput, readCorpus } from './corpus.ts'
import { cpuMs } from './cpu-time.ts'
import type { AnyTarget } from './target.ts'

/** Inputs that are drawn from one seed: a failure is drawn again by it, without those before. */
const CHUNK = 1_000
/** Nothing that a client sends may hold up the others for longer. */
export const SLOW_MS = 50
/** Failures of one target after which it is left: most likely they are one. */
const MAX_FAILURES = 5

export interface Failure {
  /** `crash`: something was thrown that is no refusal. `slow`: it took more than `SLOW_MS` of CPU. */
  readonly kind: 'crash' | 'slow'
  readonly message: string
  /** As small as it could be made. */
  readonly input: unknown
  /** Of its chunk; `undefined` for an input of the corpus. */
  readonly seed: number | undefined
}

export interface TargetReport {
  readonly target: string
  readonly inputs: number
  readonly kept: number
  readonly failures: readonly Failure[]
  readonly slowest: { readonly ms: number; readonly input: unknown }
}

export interface FuzzOptions {
  readonly inputs: number
  readonly seed: number
  /** CPU time that an input may take; `SLOW_MS` on a quiet machine. */
  readonly slowMs?: number
  /** Called before each input. */
  readonly onInput?: () => void
  /** Called before each chunk, with its seed. */
  readonly onChunk?: (inputs: number, seed: number) => void
}

/** Runs the kept inputs of a target, then as many others as are asked for. */
export async function fuzzTarget(target: AnyTarget, options: FuzzOptions): Promise<TargetReport> {
  const { inputs, seed, slowMs = SLOW_MS, onChunk, onInput = () => {} } = options
  const run = new TargetRun(target, slowMs, onInput)
  const kept = readCorpus(target.name)
  for (const each of kept) await run.again(each)
  let done = 0
  for (let chunk = 0; done < inputs && run.failures.length < MAX_FAILURES; chunk++) {
    const count = Math.min(CHUNK, inputs - done)
    onChunk?.(done, seed + chunk)
    await run.chunk(seed + chunk, count)
    done += count
  }
  return { target: target.name, inputs: done, kept: kept.length, failures: run.failures, slowest: run.slowest }
}

class TooSlow extends Error {}

class TargetRun {
  readonly #target: AnyTarget
  readonly #slowMs: number
  readonly #onInput: () => void
  readonly failures: Failure[] = []
  slowest: TargetReport['slowest'] = { ms: 0, input: undefined }

  constructor(target: AnyTarget, slowMs: number, onInput: () => void) {
    this.#target = target
    this.#slowMs = slowMs
    this.#onInput = onInput
  }

  async again({ name, input }: KeptInput): Promise<void> {
    try {
      await this.#try(input)
    } catch (error) {
      this.#fail(error, `corpus ${name}: `, input, undefined)
    }
  }

  async chunk(seed: number, numRuns: number): Promise<void> {
    const property = fc.asyncProperty(this.#target.inputs, (input) => this.#try(input))
    const { failed, counterexample, errorInstance } = await fc.check(property, { seed, numRuns })
    if (failed) this.#fail(errorInstance, '', counterexample![0], seed)
  }

  /** @throws what makes the input a failure */
  async #try(input: unknown): Promise<void> {
    this.#onInput()
    const startedAt = performance.now()
    await this.#target.run(input)
    if (performance.now() - startedAt <= this.slowest.ms) return
    // Perhaps another process had its turn, or code was compiled.
    const ms = await cpuMs(() => this.#target.run(input))
    if (ms > this.slowest.ms) this.slowest = { ms, input }
    if (ms > this.#slowMs) throw new TooSlow(`${ms.toFixed(1)} ms of CPU, at most ${this.#slowMs}`)
  }

  #fail(error: unknown, where: string, input: unknown, seed: number | undefined): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.failures.push({ kind: error instanceof TooSlow ? 'slow' : 'crash', message: where + text, input, seed })
  }
}
