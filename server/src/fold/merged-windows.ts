import { type LogEntry, partialsTopic } from '../bus/index.ts'
import type { MergeStage } from './merge-stage.ts'
import { foreignLog } from './progress.ts'

export interface MergeEffects {
  /** Moves on what depends on the windows. */
  emit(): void
  countLate(partials: number): void
  /** Everything in a log of another partition up to the entry was taken. */
  moveOffset(log: string, streamId: string): void
}

/** The windows that one partition merges: they take the reports of all partitions. */
export class MergedWindows {
  readonly #stages: ReadonlyMap<string, MergeStage>
  readonly #effects: MergeEffects

  constructor(stages: readonly MergeStage[], effects: MergeEffects) {
    this.#stages = new Map(stages.map((stage) => [stage.topic.name, stage]))
    this.#effects = effects
  }

  get names(): readonly string[] {
    return [...this.#stages.keys()]
  }

  /** Takes a report of a source partition. @throws CorruptBatch */
  apply(window: string, source: number, entry: LogEntry): void {
    const stage = this.#stage(window)
    this.#effects.countLate(stage.apply(source, entry))
    this.#advance(stage)
    this.passOver(window, source, entry)
  }

  passOver(window: string, source: number, { streamId }: LogEntry): void {
    this.#effects.moveOffset(foreignLog(source, partialsTopic(window)), streamId)
  }

  /** There were no reports. */
  polledEmpty(now: number, window: string): void {
    const stage = this.#stage(window)
    stage.operator.polledEmpty(now)
    this.#advance(stage)
  }

  /** Reports could not be read: what they hold is unknown. */
  interrupted(): void {
    for (const { operator } of this.#stages.values()) operator.interrupted()
  }

  /** From now on a partition's idle report counts only as `closeWithout` confirms it. */
  distrustIdle(): void {
    for (const { operator } of this.#stages.values()) operator.distrustIdle()
  }

  /** Idle partitions that hold back a window. */
  idleInTheWay(window: string): readonly number[] {
    return this.#stage(window).operator.idleInTheWay()
  }

  /** These partitions are known to have no input for the window at this moment. */
  closeWithout(window: string, partitions: ReadonlySet<number>): void {
    this.#stage(window).operator.advanceTrusting(partitions)
    this.#effects.emit()
  }

  #advance({ operator }: MergeStage): void {
    operator.advance()
    this.#effects.emit()
  }

  #stage(window: string): MergeStage {
    return this.#stages.get(window)!
  }
}
