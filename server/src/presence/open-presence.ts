import { randomBytes } from 'node:crypto'
import type { Bus } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import { type Contract, presenceTopics } from '../config/contract/model.ts'
import type { ReportDefect } from '../observability/defects.ts'
import { PresenceBook } from './presence-book.ts'
import { PresenceReporter } from './presence-reporter.ts'

export interface GatewayPresence {
  readonly book: PresenceBook
  start(): void
  /** Reports that nobody is connected any more: all connections MUST be closed. */
  close(): Promise<void>
}

/** Who is present at this gateway, reported as it changes; `undefined` where no topic has presence. */
export function openPresence({
  bus,
  contract,
  clock,
  report,
}: {
  readonly bus: Pick<Bus, 'partitions' | 'presence'>
  readonly contract: Contract
  readonly clock: Clock
  readonly report: ReportDefect
}): GatewayPresence | undefined {
  const topics = presenceTopics(contract)
  if (topics.length === 0) return undefined
  const gateway = randomBytes(6).toString('hex')
  const now = () => clock.now()
  const book: PresenceBook = new PresenceBook(gateway, topics, now, (topic, key) => reporter.changed(topic, key))
  const storeOf = (partition: number) => bus.presence(partition, 'query')
  const reporter = new PresenceReporter({ gateway, partitions: bus.partitions, storeOf, clock, report }, book)
  return { book, start: () => reporter.start(), close: () => reporter.close() }
}
