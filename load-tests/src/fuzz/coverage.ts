import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector'

export interface FileCoverage {
  readonly file: string
  readonly functions: number
  readonly reached: number
  /** Share of the characters of functions that ran. */
  readonly code: number
  readonly unreached: readonly string[]
}

/** What V8 counts of the functions of this process. MUST be started before the sources it is asked about are loaded. */
export class Coverage {
  readonly #session = new Session()

  start(): void {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** What ran since the last call, of the sources whose paths end like that. */
  take(endings: readonly string[]): FileCoverage[] {
    let result: Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error === null) result = taken.result
    })
    const files = new Map<string, FileCoverage>()
    for (const { url, functions } of result) {
      const ending = endings.find((each) => url.replace(/\?.*$/, '').endsWith(`/${each}`))
      if (ending !== undefined) files.set(ending, measure(ending, functions))
    }
    return endings.map(
      (file) => files.get(file) ?? { file, functions: 0, reached: 0, code: 0, unreached: ['nothing of it'] },
    )
  }

  stop(): void {
    this.#session.disconnect()
  }
}

function measure(file: string, all: readonly Profiler.FunctionCoverage[]): FileCoverage {
  // The first one is the module itself, which runs once.
  const functions = all.slice(1).filter(({ functionName }) => functionName !== '<static_initializer>')
  const reached = functions.filter(({ ranges }) => ranges[0]!.count > 0)
  const unreached = functions
    .filter(({ ranges }) => ranges[0]!.count === 0)
    .map(({ functionName }) => functionName || 'arrow')
  return { file, functions: functions.length, reached: reached.length, code: shareOf(functions), unreached }
}

/** Later ranges lie within earlier ones. */
function shareOf(functions: readonly Profiler.FunctionCoverage[]): number {
  const ranges = functions.flatMap((each) => each.ranges)
  const length = Math.max(0, ...ranges.map(({ endOffset }) => endOffset))
  const ran = new Uint8Array(length).fill(2)
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  let covered = 0
  let total = 0
  for (const each of ran) {
    if (each === 2) continue
    total++
    covered += each
  }
  return total === 0 ? 1 : covered / total
}
