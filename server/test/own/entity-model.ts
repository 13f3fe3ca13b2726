import type { CommandOutcome, TrailEntry } from '../../src/entities/index.ts'
import type { SentCommand } from '../support/entities.ts'

/** What a counter is, computed anew without any code of the server. */
export interface ModelCounter {
  /** Data of its events, oldest first. */
  readonly events: { readonly type: string; readonly commandId: string; readonly data: object }[]
}

/** What one command must come to; of a rejection only its code. */
type Expected =
  | { readonly status: 'done'; readonly version: number }
  | { readonly status: 'rejected'; readonly code: string }

/** Counters as `counter.ts` declares them, by the order in which their commands were stored. */
export class CounterModel {
  readonly outcomes = new Map<string, Expected>()
  readonly #counters = new Map<string, ModelCounter>()

  /** A command is stored. One whose id was stored before changes nothing. */
  take(command: SentCommand): void {
    if (this.outcomes.has(command.id)) return
    const counter = this.of(command.key)
    const decided = this.#decide(counter, command)
    const isRejected = typeof decided === 'string'
    if (!isRejected) counter.events.push(...decided.map((event) => ({ ...event, commandId: command.id })))
    this.outcomes.set(
      command.id,
      isRejected ? { status: 'rejected', code: decided } : { status: 'done', version: counter.events.length },
    )
  }

  of(key: string): ModelCounter {
    const known = this.#counters.get(key)
    if (known !== undefined) return known
    const counter = { events: [] }
    this.#counters.set(key, counter)
    return counter
  }

  get keys(): string[] {
    return [...this.#counters.keys()]
  }

  /** Its state with the first events. */
  view(key: string, version: number): { readonly n: number; readonly label: string } {
    let state = { n: 0, label: '' }
    for (const { data } of this.of(key).events.slice(0, version)) {
      state = 'n' in data ? { ...state, n: state.n + (data.n as number) } : { ...state, ...data }
    }
    return state
  }

  #decide({ events }: ModelCounter, { key, command, input, expected }: SentCommand) {
    const { n, times = 1, label } = input as { n?: unknown; times?: number; label?: string }
    if (command === 'add' && typeof n !== 'number') return 'invalid_input'
    if (expected !== undefined && expected.version !== events.length) return 'version_conflict'
    if (command === 'fail') return 'handler_failed'
    if (command === 'label') return [{ type: 'labelled', data: { label } }]
    if (command === 'status') return []
    if (this.view(key, events.length).n + (n as number) > 1_000) return 'too_many'
    return Array.from({ length: times }, () => ({ type: 'added', data: { n: n as number } }))
  }
}

/** The part of a trail that the model knows. */
export function modelled(trail: readonly TrailEntry[]) {
  return trail.map(({ type, commandId, data }) => ({ type, commandId, data }))
}

/** The part of an outcome that the model knows. */
export function modelledOutcome(outcome: CommandOutcome): Expected {
  if (outcome.status === 'done') return { status: 'done', version: outcome.version }
  return { status: 'rejected', code: outcome.code }
}
