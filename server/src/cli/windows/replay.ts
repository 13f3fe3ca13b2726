import { MAX_TIME_MS } from '../../clock.ts'
import { isRecord } from '../../json-fields.ts'
import { createWindow, type StateField, Watermarks, type WindowOperator } from '../../operators/index.ts'
import { numberCheck, UNNAMED } from './replay-aggregates.ts'
import { type ReplaySpec, refuseTooDeep } from './replay-spec.ts'

interface ReplayEvent {
  readonly key: string
  readonly time: number
  readonly value: unknown
  readonly source?: string
}

const STEPS = ['event', 'bundle', 'watermark', 'clock', 'idle', 'snapshot', 'end']

type Line = Readonly<Record<string, unknown>>

/**
 * A window over hand-written events: the operator and the watermarks of a worker, driven step by step. A map holds what
 * a worker would store with each commit, and `snapshot` continues from that alone.
 */
export class Replay {
  readonly #spec: ReplaySpec
  readonly #checkNumbers: (value: unknown) => void
  readonly #stored = new Map<string, string>()
  #window: WindowOperator
  #watermarks: Watermarks
  /** Number of the early interval the clock is in. */
  #interval: number | undefined
  #steps = 0

  constructor(spec: ReplaySpec) {
    this.#spec = spec
    this.#checkNumbers = numberCheck(spec.window.aggregate)
    this.#window = createWindow(spec.window)
    this.#watermarks = new Watermarks(this.#outOfOrdernessMs())
  }

  /** Takes one step and returns the resulting lines. @throws Error for an invalid step. */
  step(step: unknown): Line[] {
    refuseTooDeep('a step', step)
    const before = this.#watermarks.value
    const late = this.#apply(step)
    const watermark = this.#watermarks.advance()
    this.#window.advance(watermark)
    if (isRecord(step) && step.clock !== undefined) this.#flushEarly(step.clock as number)
    const lines: Line[] = late.map((event) => ({ late: event }))
    for (const emission of this.#window.take(Number.POSITIVE_INFINITY)) {
      const { kind, ...fields } = emission
      lines.push({ [kind]: emission.kind === 'pane' ? { ...fields, value: this.#valueOf(emission.value) } : fields })
    }
    this.#store()
    if (watermark > before) lines.push({ watermark })
    this.#steps++
    return [...lines, { step: this.#steps }]
  }

  /** Returns the events that were late. */
  #apply(step: unknown): ReplayEvent[] {
    if (!isRecord(step)) throw new Error('a step is a JSON object')
    const [kind, ...more] = STEPS.filter((name) => step[name] !== undefined)
    if (kind === undefined || more.length > 0) throw new Error(`a step has one of ${STEPS.join(', ')}`)
    const given = step[kind]
    if (kind === 'event') return this.#fold([this.#asEvent(given)])
    if (kind === 'bundle') return this.#fold(asList(given).map((event) => this.#asEvent(event)))
    if (kind === 'watermark') this.#watermarks.promise(asMs(kind, given), asSource(step.source))
    else if (kind === 'clock') this.#watermarks.setClock(asMs(kind, given))
    else if (kind === 'idle') this.#watermarks.setIdle(given === true ? undefined : asSource(given))
    else if (given !== true) throw new Error(`${kind} is true or absent, not ${JSON.stringify(given)}`)
    else if (kind === 'snapshot') this.#restart()
    else this.#watermarks.end()
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

  #asEvent(given: unknown): ReplayEvent {
    if (!isRecord(given)) throw new Error('an event is { "key", "time", "value" }')
    const { key, time, value = null, source } = given
    if (typeof key !== 'string' && typeof key !== 'number') throw new Error('the key of an event is a string')
    const event = { key: `${key}`, time: asTime('time', time), value }
    this.#checkNumbers(value)
    return { ...event, ...(source !== undefined && { source: asSource(source)! }) }
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

  /** Drops the memory and continues from the stored state. */
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

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new Error(`a bundle is a list of events, not ${JSON.stringify(value)}`)
}

/** Time of an event, ms. @throws Error */
export function asTime(name: string, value: unknown): number {
  const ms = asMs(name, value)
  if (Math.abs(ms) > MAX_TIME_MS) throw new Error(`${name} is at most ${MAX_TIME_MS} ms from 1970, not ${ms}`)
  return ms
}

function asMs(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error(`${name} is a whole number of ms, not ${JSON.stringify(value)}`)
  return value as number
}

function asSource(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new Error(`a source is a string, not ${JSON.stringify(value)}`)
}
