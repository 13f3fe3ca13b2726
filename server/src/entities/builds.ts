import { BUILT_HASH, type CommitOperation, currentHash } from '../bus/index.ts'
import type { EntityDefinition } from '../config/contract/entity-model.ts'
import { type Build, buildOf } from './build.ts'

/** By what the entities of a name are stored in a partition, and how far that has come. */
export interface Built extends Build {
  /** Whether every one of them is. */
  readonly isDone: boolean
  /** Of this and all rebuilds before. */
  readonly run: number
  /** Whether states are folded anew from their trails, too, whatever they were folded by. */
  readonly isRefolded: boolean
  /** Entities when it began, and those looked at, written and given up by now. */
  readonly total: number
  readonly seen: number
  readonly written: number
  readonly failed: number
  /** When the last look at all of them ended, ms since 1970 by Redis' clock. */
  readonly lookedAt: number
}

export interface LookCounts {
  readonly seen: number
  readonly written: number
  readonly failed: number
}

/** A look at all entities of a name. */
export interface Look {
  readonly name: string
  /** Of a rebuild; absent where histories are looked at. */
  readonly run?: number
  readonly isRefolded: boolean
}

/** Histories of an age are looked at ten times in it, within limits. */
const LOOKS = 10
const MIN_LOOK_MS = 1_000
const MAX_LOOK_MS = 24 * 60 * 60 * 1_000

const NOTHING: LookCounts = { seen: 0, written: 0, failed: 0 }

/** The definitions by which the entities of a partition are stored. Those that the config has changed are to be rebuilt. */
export class Builds {
  readonly #definitions: ReadonlyMap<string, EntityDefinition>
  readonly #built = new Map<string, Built>()
  /** What the next commit writes, and whether it is worth one of its own. */
  readonly #changed = new Set<string>()
  #isUrgent = false
  /** Topics that show what the config does not show any more: emptied before the first commit. */
  readonly outdated: string[] = []

  /** @param fields as stored @param counts entities of each name */
  constructor(
    definitions: ReadonlyMap<string, EntityDefinition>,
    fields: Iterable<readonly [name: string, text: string]>,
    counts: ReadonlyMap<string, number>,
  ) {
    this.#definitions = definitions
    const stored = new Map([...fields].map(([name, text]) => [name, JSON.parse(text) as Built]))
    for (const [name, definition] of definitions) {
      this.#open(name, buildOf(definition), stored.get(name), counts.get(name) ?? 0)
    }
  }

  #open(name: string, build: Build, stored: Built | undefined, total: number): void {
    const showsState = build.state !== (stored?.state ?? '') && total > 0
    const isFound = build.version === stored?.version && build.found === stored.found
    if (showsState) this.outdated.push(`${name}.state`)
    if (build.events !== (stored?.events ?? '') && total > 0) this.outdated.push(`${name}.events`)
    const isSame = isFound && build.state === stored.state && build.events === stored.events
    if (isSame) {
      this.#built.set(name, stored.isDone ? stored : { ...stored, total, seen: 0, failed: 0 })
      return
    }
    const isDone = total === 0 || (isFound && stored.isDone && (!showsState || build.state === ''))
    const { run = 0, isRefolded = false, lookedAt = 0 } = stored ?? {}
    const wasRefolded = isRefolded && stored?.isDone === false
    this.#built.set(name, { ...build, ...NOTHING, isDone, run: run + 1, isRefolded: wasRefolded, total, lookedAt })
    // Without data nobody sees a difference: it goes with the first commit that there is.
    this.#note(name, total > 0)
  }

  /** Whether a commit is due for these alone. */
  get isUrgent(): boolean {
    return this.#isUrgent
  }

  /** The next entities to look at, if any; those of a rebuild first. @param now Redis' clock */
  next(now: number): Look | undefined {
    for (const [name, { isDone, run, isRefolded }] of this.#built) if (!isDone) return { name, run, isRefolded }
    const name = [...this.#built.keys()].find((name) => this.#untilLook(name, now) <= 0)
    return name === undefined ? undefined : { name, isRefolded: false }
  }

  /** When there will be some, ms from now; infinite where that is not known. */
  dueInMs(now: number): number {
    const waits = [...this.#built].map(([name, { isDone }]) => (isDone ? this.#untilLook(name, now) : 0))
    return Math.max(0, Math.min(Number.POSITIVE_INFINITY, ...waits))
  }

  #untilLook(name: string, now: number): number {
    const { history } = this.#definitions.get(name)!
    if (history?.kind !== 'age') return Number.POSITIVE_INFINITY
    const everyMs = Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, history.ms / LOOKS))
    const sinceMs = now - this.#built.get(name)!.lookedAt
    // A time ahead was noted before Redis' clock was set back.
    return sinceMs < 0 ? 0 : everyMs - sinceMs
  }

  /** Which rebuild published the state of an entity at a version that it was published at before. */
  runOf(name: string): number {
    return this.#built.get(name)!.run
  }

  /** How many could not be rebuilt by now. */
  failedOf(name: string): number {
    return this.#built.get(name)!.failed
  }

  /** Rebuilds all entities of a name by hand. */
  restart(name: string): void {
    const built = this.#built.get(name)
    if (built === undefined) return
    this.#built.set(name, { ...built, ...NOTHING, isDone: false, run: built.run + 1, isRefolded: true })
    this.#note(name, true)
  }

  /** A rebuild begins at the first entity. */
  began({ name }: Look, total: number): void {
    this.#built.set(name, { ...this.#built.get(name)!, total, seen: 0, failed: 0 })
  }

  /** Whether another rebuild has begun since. */
  isOutdated({ name, run }: Look): boolean {
    const built = this.#built.get(name)!
    return run === undefined ? !built.isDone : run !== built.run
  }

  looked({ name, run }: Look, { seen, written, failed }: LookCounts): void {
    const built = this.#built.get(name)!
    if (run !== built.run) return
    const counts = { seen: built.seen + seen, written: built.written + written, failed: built.failed + failed }
    this.#built.set(name, { ...built, ...counts })
    // It goes with what was written: a commit for it alone would tell the next owner that nothing has ended the one before.
    this.#note(name, false)
  }

  /** All of them were looked at. @returns what came of it, of a rebuild */
  ended({ name, run }: Look, now: number): Built | undefined {
    const built = this.#built.get(name)!
    const isOfRun = run === built.run
    if (run !== undefined && !isOfRun) return undefined
    const ended = { ...built, lookedAt: now, ...(isOfRun && { isDone: true }) }
    this.#built.set(name, ended)
    this.#note(name, isOfRun)
    return isOfRun ? ended : undefined
  }

  #note(name: string, isUrgent: boolean): void {
    this.#changed.add(name)
    this.#isUrgent ||= isUrgent
  }

  /** The operations of the next commit. What they remove is to be removed before anything is published. */
  take(): CommitOperation[] {
    const fields = [...this.#changed].map((name) => [name, JSON.stringify(this.#built.get(name))] as const)
    const dropped = this.outdated.splice(0).map((topic): CommitOperation => ({ op: 'drop', hash: currentHash(topic) }))
    this.#changed.clear()
    this.#isUrgent = false
    return fields.length === 0 ? dropped : [...dropped, { op: 'set', hash: BUILT_HASH, fields }]
  }
}

/** Whether indexes are complete, and what a definition says. @param built as stored; absent before the first commit of an owner */
export function isFindable(built: Built | undefined, { found }: Build): boolean {
  return built?.isDone === true && built.found === found
}
