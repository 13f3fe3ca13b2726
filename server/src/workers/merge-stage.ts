import { type CommitOperation, keys, type LogEntry, partialsTopic } from '../bus/index.ts'
import type { WindowTopic } from '../config/model.ts'
import { MergeWindow, type SourceReport } from '../operators/index.ts'
import { ALL_KEYS, type EmittedPane, paneEvent } from './window-stage.ts'

/** Second stage of a window over all keys, in the one partition that merges it. */
export class MergeStage {
  readonly topic: WindowTopic
  readonly operator: MergeWindow
  readonly storeKey: string

  constructor(topic: WindowTopic, partition: number) {
    this.topic = topic
    this.operator = new MergeWindow(topic.spec)
    this.storeKey = keys.window(partition, partialsTopic(topic.name))
  }

  /** Takes a report of source partition `source`. */
  apply(source: number, entry: LogEntry): void {
    this.operator.apply(source, JSON.parse(entry.payload.toString('utf8')) as SourceReport)
  }

  takePanes(limit: number): EmittedPane[] {
    return this.operator.takeDue(limit).map((state) => {
      const value = this.operator.aggregates.result(this.operator.merged(state))
      return paneEvent(this.topic, { key: ALL_KEYS, start: state.start, value, revision: state.revision - 1 })
    })
  }

  /** Fields are `<start>:<source>` -> slots of its partial, and `<start>:` -> `[revision, changed]`. */
  takeWrites(): CommitOperation[] {
    const operations: CommitOperation[] = []
    const forgotten = this.operator.takeForgotten()
    const fields = this.operator.takeDirty().flatMap(({ start, parts, dirtyParts, revision, changed }) => {
      const changedParts = [...dirtyParts].map(
        (source) => [`${start}:${source}`, JSON.stringify(parts.get(source))] as const,
      )
      dirtyParts.clear()
      return [...changedParts, [`${start}:`, JSON.stringify([revision, changed ? 1 : 0])] as const]
    })
    if (fields.length > 0) operations.push({ op: 'set', key: this.storeKey, fields })
    if (forgotten.length > 0) {
      const gone = forgotten.flatMap(({ start, parts }) => [
        `${start}:`,
        ...[...parts.keys()].map((s) => `${start}:${s}`),
      ])
      operations.push({ op: 'delete', key: this.storeKey, fields: gone })
    }
    return operations
  }

  /** The clock MUST have been restored before. */
  restore(fields: readonly (readonly [string, string])[]): void {
    const split = fields.map(([field, value]) => {
      const colon = field.indexOf(':')
      return {
        start: Number(field.slice(0, colon)),
        source: field.slice(colon + 1),
        numbers: JSON.parse(value) as number[],
      }
    })
    for (const { start, source, numbers } of split) {
      if (source !== '') this.operator.restorePart(start, Number(source), numbers)
    }
    for (const { start, source, numbers } of split) {
      if (source === '') this.operator.restoreProgress(start, numbers[0]!, numbers[1] === 1)
    }
  }
}
