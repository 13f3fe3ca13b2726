import { COMMANDS_TOPIC, type CommitOperation } from '../bus/index.ts'
import type { EntityFold } from '../entities/index.ts'
import { OutputBuffer } from './output-buffer.ts'
import type { Offsets, StoredProgress } from './progress.ts'

/** What one commit stores. */
export interface FoldedWork {
  readonly operations: readonly CommitOperation[]
  readonly offsets: Offsets
  readonly progress: StoredProgress
}

/** What entities leave for the next commit. It may be stored before the rest of what is folded, which may take long. */
export class EntityPart {
  /** What entities publish. */
  readonly published = new OutputBuffer()
  readonly #entities: EntityFold | undefined
  /** What the last whole commit has stored; `undefined` before the first. */
  #base: Pick<FoldedWork, 'offsets' | 'progress'> | undefined

  /** @param entities absent where the contract has none */
  constructor(entities: EntityFold | undefined) {
    this.#entities = entities
  }

  /** Whether it may be stored alone. */
  get hasBase(): boolean {
    return this.#base !== undefined
  }

  get writes(): number {
    return this.published.writes + (this.#entities?.writes ?? 0)
  }

  /** Characters. */
  get size(): number {
    return this.published.size + (this.#entities?.size ?? 0)
  }

  get hasOutputs(): boolean {
    return this.published.writes > 0 || this.#entities?.hasOutputs === true
  }

  progress(): Pick<StoredProgress, 'answers' | 'outbox'> {
    if (this.#entities === undefined) return {}
    const { generations, outbox } = this.#entities
    return { answers: generations, outbox: outbox.stored }
  }

  /** @param isBehind whether further commands wait */
  takeOperations(isBehind: boolean): CommitOperation[] {
    if (this.#entities === undefined) return []
    const operations = this.#entities.takeOperations(isBehind)
    return [...operations, ...this.published.take()]
  }

  /** The next commit stores this, so that what follows may be stored alone. */
  takenWith({ offsets, progress }: FoldedWork): void {
    this.#base = { offsets, progress }
  }

  /** What stores it alone: all else stays as it was stored last. @param folded offset of the last command @param isBehind as of `takeOperations` */
  takeAlone(folded: string, isBehind: boolean): FoldedWork {
    const { offsets, progress } = this.#base!
    const operations = this.takeOperations(isBehind)
    const moved = new Map(offsets).set(COMMANDS_TOPIC, folded)
    return { operations, offsets: moved, progress: { ...progress, ...this.progress() } }
  }
}
