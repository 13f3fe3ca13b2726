import { type CommitOperation, keys, partialsTopic } from '../bus/index.ts'
import type { SourceReport } from '../operators/index.ts'
import { ALL_KEYS, WindowStage } from './window-stage.ts'

/**
 * First stage of a window over all keys: this partition's part of each window, reported - never emitted - to the partition
 * that merges them. Reports when windows complete or change afterwards, when the watermark enters another window, and when
 * the input goes idle or wakes, so that the merging side knows whom to wait for.
 */
export class ReportStage extends WindowStage {
  #reported: { readonly window: number; readonly idle: boolean } | undefined

  override groupOf(): string {
    return ALL_KEYS
  }

  /** Whether there is something to say: partials that are due, another window entered, or the input went idle or woke. */
  needsReport(idle: boolean): boolean {
    if (this.operator.watermark === Number.NEGATIVE_INFINITY) return false
    if (this.operator.dueCount > 0 || this.#reported?.idle !== idle) return true
    // An idle source holds nobody back, so how its watermark moves on is nobody's business.
    return !idle && this.#reported.window !== this.#window()
  }

  /** Takes every due partial: one group means at most a few hundred open windows. */
  takeReport(idle: boolean): SourceReport | undefined {
    if (!this.needsReport(idle)) return undefined
    if (idle) this.operator.flush()
    this.#reported = { window: this.#window(), idle }
    const due = this.operator.takeDue(Number.POSITIVE_INFINITY)
    const partials = due.map(({ start, accumulator }) => ({ start, accumulator }))
    return { watermark: this.operator.watermark, idle, partials }
  }

  #window(): number {
    const { watermark, spec } = this.operator
    return Math.floor((watermark - spec.offsetMs) / spec.sizeMs)
  }
}

/** Stores a report in the partition's own log of partials. */
export function reportOperation(partition: number, window: string, report: SourceReport): CommitOperation {
  return {
    op: 'append',
    key: keys.log(partition, partialsTopic(window)),
    header: '',
    payload: Buffer.from(JSON.stringify(report)),
    watermark: undefined,
    current: undefined,
  }
}
