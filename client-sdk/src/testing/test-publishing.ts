import { formatPosition, type Position, parsePosition, type RejectedEvent } from '@tidegate/protocol'
import type { TestClock } from './test-clock.ts'
import type { NewEvent, TestLog } from './test-log.ts'
import type { Claim, TestProducers } from './test-producers.ts'
import { checkEvent, type TestTopic } from './test-topics.ts'
import type { PublishOutcome, World } from './test-world.ts'

type PublishFrame = Parameters<World['publish']>[0]

interface PublishContext {
  readonly log: TestLog
  readonly clock: TestClock
  readonly producers: TestProducers
  readonly topics: ReadonlyMap<string, TestTopic>
  /** Stores events of one partition, and what follows from them. */
  store(topic: string, partition: number, events: readonly NewEvent[]): Position
}

/** Publishing as an exactly-once gateway does it, where every append succeeds at once. */
export class TestPublishing {
  readonly #context: PublishContext
  #ids = 0

  constructor(context: PublishContext) {
    this.#context = context
  }

  publish(
    { seq, topic: name, events, end, rejected: refusedBefore = [] }: PublishFrame,
    claim: Claim | undefined,
    epochs: Map<number, string>,
  ): PublishOutcome {
    const topic = this.#context.topics.get(name)
    if (topic === undefined) return { kind: 'refused', code: 'unknown_topic' }
    if (topic.kind !== 'source') return { kind: 'refused', code: 'not_publishable' }
    if (events.length === 0 && end === undefined) return { kind: 'refused', code: 'empty_frame' }
    const content = JSON.stringify([name, events, end])
    const judged = claim && this.#context.producers.judge(claim, seq, content)
    if (judged?.kind === 'refused') return judged
    if (judged?.kind === 'duplicate') {
      const { at, rejected } = judged.frame
      return { kind: 'stored', at: at.map((text) => this.#present(text)), rejected, isDuplicate: true }
    }
    const { accepted, rejected } = this.#checked(
      topic,
      events,
      new Map(refusedBefore.map((each) => [each.index, each])),
      end !== undefined,
    )
    const changed = [...accepted.keys()].filter((partition) => this.#isOver(epochs, partition))
    if (changed.length > 0) return { kind: 'epoch_changed', partitions: changed }
    const at: string[] = []
    for (const [partition, stored] of accepted) {
      at.push(formatPosition(this.#context.store(name, partition, stored)))
      epochs.set(partition, this.#context.log.epochOf(partition))
    }
    if (claim !== undefined) this.#context.producers.stored(claim, seq, { content, at, rejected })
    return { kind: 'stored', at, rejected, isDuplicate: false }
  }

  /** Events that were not lost are there under the present epoch: under another one the client would take them for lost. */
  #present(at: string): string {
    const position = parsePosition(at)!
    return formatPosition({ ...position, epoch: this.#context.log.epochOf(position.partition) })
  }

  /** The client has an acknowledgement under an epoch that is over. */
  #isOver(epochs: ReadonlyMap<number, string>, partition: number): boolean {
    const present = this.#context.log.epochOf(partition)
    return (epochs.get(partition) ?? present) !== present
  }

  #checked(
    topic: TestTopic,
    events: PublishFrame['events'],
    refusedBefore: ReadonlyMap<number, Pick<RejectedEvent, 'code'>>,
    isEnd: boolean,
  ): { readonly accepted: ReadonlyMap<number, NewEvent[]>; readonly rejected: RejectedEvent[] } {
    const accepted = new Map<number, NewEvent[]>()
    // The end of input is stored in every partition, where it changes nothing: no window is computed here.
    if (isEnd)
      for (let partition = 0; partition < this.#context.log.partitions; partition++) accepted.set(partition, [])
    const rejected: RejectedEvent[] = []
    const ids = new Set<string>()
    const now = this.#context.clock.now()
    for (const [index, input] of events.entries()) {
      const before = refusedBefore.get(index)
      const checked =
        before === undefined
          ? checkEvent(topic, input, now, () => `test-${++this.#ids}`)
          : { refused: { code: before.code, message: 'refused before' } }
      if ('refused' in checked) {
        rejected.push({ index, ...checked.refused })
        continue
      }
      const { event } = checked
      const name = JSON.stringify([event.source, event.id])
      if (ids.has(name)) {
        rejected.push({ index, code: 'duplicate_id', message: `the id ${event.id} stands twice in this request` })
        continue
      }
      ids.add(name)
      const partition = this.#context.log.partitionOf(event.key)
      accepted.set(partition, [...(accepted.get(partition) ?? []), event])
    }
    return { accepted, rejected }
  }
}
