import { assertNever } from '../assert-never.ts'
import { deadLetterTopic, type EventBody } from '../bus/index.ts'
import { deadLetter } from './dead-letter.ts'
import { encode, type FlowStage } from './flow-stage.ts'
import type { FoldCounters } from './fold-counters.ts'
import type { KeyedStage } from './keyed-stage.ts'
import { dataOf } from './narrow-event.ts'
import type { OutputBuffer } from './output-buffer.ts'
import type { PartitionWindows } from './partition-windows.ts'
import type { ReportStage } from './report-stage.ts'
import type { ResultFilter } from './result-filter.ts'

/** Takes every event that is routed, of whatever topic. */
export type ToEntities = (topic: string, event: EventBody) => void

const PLAIN = { isLatest: false } as const

/**
 * Routes events to the stages that read them, and results of single events likewise; writes results, late events and
 * dead letters.
 */
export class EventRouter {
  readonly #windows: PartitionWindows
  readonly #outputs: OutputBuffer
  readonly #counters: FoldCounters
  readonly #filter: ResultFilter
  readonly #toEntities: ToEntities

  constructor(
    windows: PartitionWindows,
    outputs: OutputBuffer,
    counters: FoldCounters,
    filter: ResultFilter,
    toEntities: ToEntities,
  ) {
    this.#toEntities = toEntities
    this.#windows = windows
    this.#outputs = outputs
    this.#counters = counters
    this.#filter = filter
  }

  /** Routes an event of `topic` to its readers. */
  run(topic: string, event: EventBody): void {
    for (const stage of this.#windows.stagesOf(topic)) {
      switch (stage.kind) {
        case 'keyed':
        case 'report':
          this.#takeIn(stage, event)
          break
        case 'flow':
          this.#applyFlow(stage, event)
          break
        default:
          assertNever(stage)
      }
    }
    this.#toEntities(topic, event)
  }

  bury(topic: string, event: EventBody, cause: string): void {
    this.#counters.deadLetters++
    this.#outputs.add(deadLetterTopic(topic), deadLetter(event, cause), PLAIN)
  }

  #takeIn(stage: KeyedStage | ReportStage, event: EventBody): void {
    const { topic, checkData } = stage.window
    const { name, where, lateTopic } = topic
    let group: string
    try {
      if (where !== undefined && !where.keep(event.data)) return
      group = stage.groupOf(event)
      checkData(dataOf(event))
    } catch (error) {
      if (this.#filter.hasMiss(topic, event)) this.bury(name, event, messageOf(error))
      return
    }
    const outcome = stage.add(group, event)
    if (outcome === 'added' || outcome === 'none' || !this.#filter.hasMiss(topic, event)) return
    this.#counters[outcome]++
    const { key, time } = event
    this.#outputs.add(lateTopic, { key, lane: 'low', time, json: encode(event) }, PLAIN)
  }

  /** If a step throws, only that event is lost, to the dead letters. */
  #applyFlow(stage: FlowStage, event: EventBody): void {
    const { name } = stage.topic
    let result: ReturnType<FlowStage['apply']>
    try {
      result = stage.apply(event)
      if (result === undefined) return
      this.#outputs.add(name, result.stored, PLAIN)
    } catch (error) {
      this.bury(name, event, messageOf(error))
      return
    }
    this.run(name, result.event)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
