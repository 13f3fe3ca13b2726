import type { CommitRoom } from './commit-room.ts'
import type { EventRouter } from './event-router.ts'
import type { FoldCounters } from './fold-counters.ts'
import type { OutputBuffer } from './output-buffer.ts'
import type { PartitionWindows } from './partition-windows.ts'
import type { ResultFilter } from './result-filter.ts'
import type { ResultStage } from './stage.ts'

export interface PaneTargets {
  readonly outputs: OutputBuffer
  readonly router: EventRouter
  readonly counters: FoldCounters
  readonly room: CommitRoom
}

/** Emits the panes that are due, as far as the next commit has room, and routes them to their readers. */
export class PaneEmitter {
  readonly #windows: PartitionWindows
  readonly #filter: ResultFilter
  readonly #to: PaneTargets

  constructor(windows: PartitionWindows, filter: ResultFilter, to: PaneTargets) {
    this.#windows = windows
    this.#filter = filter
    this.#to = to
  }

  emit(): void {
    for (const stage of this.#windows.results) {
      // Its inputs may have emitted panes just now.
      this.#windows.advanceResult(stage)
      this.#emitOf(stage)
    }
    // Likewise for stages that only report: otherwise the parts of panes would wait for the next batch or poll.
    this.#windows.advanceReports()
  }

  #emitOf(stage: ResultStage): void {
    const { outputs, router, counters, room } = this.#to
    const { topic, operator } = stage.kind === 'keyed' ? stage.window : stage
    // Readers of the result may rely on it: nothing older than this can still be revised.
    const watermark = operator.watermark - topic.spec.allowedLatenessMs
    // Again while there is room: the state of a pane may already be among the writes.
    for (let panes = room.panes; panes > 0 && operator.dueCount > 0; panes = room.panes) {
      for (const { id, data, event } of stage.takeResults(panes)) {
        if (!this.#filter.hasPane(topic.name, data.start, data.end)) continue
        const isWithdrawn = 'withdrawn' in data
        counters.panes++
        outputs.add(topic.name, event, { watermark, isLatest: !isWithdrawn })
        router.run(topic.name, { id, key: event.key, time: event.time, data })
      }
    }
  }
}
