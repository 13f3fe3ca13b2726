import { createWindow, type StateField, Watermarks, type WindowOperator } from '../operators/index.ts'
import { isRecord, type ReplaySpec, UNNAMED } from './replay-spec.ts'

interface ReplayEvent {
  readonly key: string
  readonly time: number
  readonly value: unknown
  readonly source?: string
}

type Line = Readonly<Record<string, unknown>>

/**
 * A window over events typed in by hand: the operator and the watermarks of a worker, driven step by step. What a worker
 * stores with each commit is kept here in a map, and `snapshot` goes on from nothing but that.
 */
export class Replay {
  readonly #spec: ReplaySpec
  readonly #stored = new Map<string, string>()
  #window: WindowOperator
  #watermarks: Watermarks
  /** Number of the early interval the clock is in. */
  #interval: number | undefined
  #steps = 0

  constructor(spec: ReplaySpec) {
    this.#spec = spec
    this.#window = createWindow(spec.window)
    this.#watermarks = new Watermarks(this.#outOfOrdernessMs())
  }

  /** Takes one step and returns the lines it leads to. @throws Error on what is no step. */
  step(step: unknown): Line[] {
    const before = this.#watermarks.value
    const late = this.#apply(step)
    const watermark = this.#watermarks.advance()
    this.#window.advance(watermark)
    if (isRecord(step) && step.clock !== undefined) this.#flushEarly(step.clock as number)
    const lines: Line[] = late.map((event) => ({ late: event }))
    for (const { kind, ...emission } of this.#window.take(Number.POSITIVE_INFINITY)) {
      lines.push({ [kind]: 'value' in emission ? { ...emission, value: this.#valueOf(emission.value) } : emission })
    }
    this.#store()
    if (watermark > before) lines.push({ watermark })
    this.#steps++
    return [...lines, { step: this.#steps }]
  }

  /** Returns the events that were late. */
  #apply(step: unknown): ReplayEvent[] {
    if (!isRecord(step)) throw new Error('a step is a JSON object')
    if (step.event !== undefined) return this.#fold([asEvent(step.event)])
    if (Array.isArray(step.bundle)) return this.#fold(step.bundle.map(asEvent))
    if (step.watermark !== undefined) this.#watermarks.promise(asMs('watermark', step.watermark), asSource(step.source))
    else if (step.clock !== undefined) this.#watermarks.setClock(asMs('clock', step.clock))
    else if (step.idle !== undefined) this.#watermarks.setIdle(step.idle === true ? undefined : asSource(step.idle))
    else if (step.snapshot === true) this.#restart()
    else if (step.end === true) this.#watermarks.end()
    else throw new Error('a step has one of event, bundle, watermark, clock, idle, snapshot, end')
    return []
  }

  /** Lateness is judged by the watermark before the bundle, as for a record batch in a worker. */
  #fold(events: readonly ReplayEvent[]): ReplayEvent[] {
    const late: ReplayEvent[] = []
    for (const event of events) {
      if (this.#window.add(event.key, event.time, event.value) === 'late') late.push(event)
      this.#watermarks.observe(event.source ?? '', event.time)
    }
    return late
  }

  #flushEarly(clock: number): void {
    const every = this.#spec.window.emitEveryMs
    if (every === undefined) return
    const interval = Math.floor(clock / every)
    if (this.#interval === undefined || interval > this.#interval) this.#window.flush()
    this.#interval = interval
  }

  #store(): void {
    const { changed, forgotten } = this.#window.takeWrites(Number.POSITIVE_INFINITY)
    for (const field of forgotten) this.#stored.delete(field)
    for (const [field, value] of changed) this.#stored.set(field, value)
  }

  /** Loses the memory and goes on with what is stored. */
  #restart(): void {
    const fields = JSON.parse(JSON.stringify([...this.#stored])) as StateField[]
    const watermarks = JSON.parse(JSON.stringify(this.#watermarks.store()))
    this.#watermarks = new Watermarks(this.#outOfOrdernessMs(), watermarks)
    this.#window = createWindow(this.#spec.window, this.#watermarks.value, fields)
  }

  #outOfOrdernessMs(): number | undefined {
    return this.#spec.explicitWatermarks ? undefined : this.#spec.window.outOfOrdernessMs
  }

  #valueOf(value: Line): unknown {
    return this.#spec.isUnnamed ? value[UNNAMED] : value
  }
}

function asEvent(value: unknown): ReplayEvent {
  if (!isRecord(value)) throw new Error('an event is { "key", "time", "value" }')
  const { key, time, value: data = null, source } = value
  if (typeof key !== 'string' && typeof key !== 'number') throw new Error('the key of an event is a string')
  return {
    key: `${key}`,
    time: asMs('time', time),
    value: data,
    ...(source !== undefined && { source: asSource(source)! }),
  }
}

function asMs(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is a whole number of ms, not ${JSON.stringify(value)}`)
  return value as number
}

function asSource(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new Error(`a source is a string, not ${JSON.stringify(value)}`)
}
