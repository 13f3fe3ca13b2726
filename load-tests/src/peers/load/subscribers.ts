/** Child process of `bench peers`: connections that subscribe, some of which stop reading. */
import { nowMicros } from '../../latency/micros.ts'
import { answerParent } from '../../support/answer-parent.ts'
import { eachAtOnce } from '../../support/each-at-once.ts'
import type { Subscriber } from '../subject.ts'
import { SUBJECTS, type SubjectName } from '../subjects/index.ts'
import { EventScanner } from './events.ts'
import { type LatencyFigures, LatencyHistogram } from './histogram.ts'

export type SubscribersCommand =
  | {
      readonly do: 'open'
      readonly subject: SubjectName
      readonly port: number
      readonly count: number
      /** The events of one subscriber in so many are counted, and of the others the bytes. */
      readonly countEvery: number
    }
  | { readonly do: 'take' }
  /** The first ones, so many, stop reading. */
  | { readonly do: 'stall'; readonly count: number }
  | { readonly do: 'wake' }

/** Rates and latencies since the last report; totals since the beginning. */
export type SubscribersReport = {
  /** To all, by the bytes of those whose events are not counted. */
  readonly deliveries: number
  readonly bytes: number
  /** From the time at which an event should have been published to its arrival, of those that never stalled. */
  readonly latency: LatencyFigures
  readonly healthy: ReceivedTotals
  readonly stalled: ReceivedTotals
  /** Stalled, and the server ended their connections. */
  readonly cutOff: ReceivedTotals
}

/** What the subscribers of one kind have received in all. */
export type ReceivedTotals = {
  readonly subscribers: number
  /** Of the one that has the fewest, and of the one that has the most. */
  readonly fewestEvents: number
  readonly mostEvents: number
  readonly events: number
  /** Events that the server said it withheld. */
  readonly withheldEvents: number
  /** Connections that the server ended. */
  readonly ended: number
}

/** Connections being opened at a time: more would overflow the accept queue of the kernel. */
const AT_ONCE = 100

class Client {
  events = 0
  bytes = 0
  withheld = 0
  hasEnded = false
  isStalled = false
  readonly isCounted: boolean
  connection: Subscriber | undefined
  readonly #scanner = new EventScanner((_, sentAt) => {
    this.events++
    if (!this.isStalled) latency.record(nowMicros() - sentAt)
  })

  constructor(isCounted: boolean) {
    this.isCounted = isCounted
  }

  async open(subject: SubjectName, port: number): Promise<void> {
    this.connection = await SUBJECTS[subject].subscribe(port, {
      receive: (payload) => {
        this.bytes += payload.length
        if (this.isCounted) this.#scanner.read(payload)
      },
      withhold: (events) => {
        this.withheld += events
      },
      end: () => {
        this.hasEnded = true
      },
    })
  }
}

const latency = new LatencyHistogram()
let clients: Client[] = []
let takenEvents = 0
let takenBytes = 0
let takenCountedBytes = 0

async function open({ subject, port, count, countEvery }: Extract<SubscribersCommand, { do: 'open' }>): Promise<void> {
  clients = Array.from({ length: count }, (_, i) => new Client(i % countEvery === 0))
  await eachAtOnce(clients, AT_ONCE, (client) => client.open(subject, port))
}

function take(): SubscribersReport {
  const counted = clients.filter(({ isCounted }) => isCounted)
  const [bytes, countedBytes, events] = [sum(clients, 'bytes'), sum(counted, 'bytes'), sum(counted, 'events')]
  const newBytes = bytes - takenBytes
  const newCountedBytes = countedBytes - takenCountedBytes
  const newEvents = events - takenEvents
  takenBytes = bytes
  takenCountedBytes = countedBytes
  takenEvents = events
  return {
    deliveries: newCountedBytes === 0 ? 0 : Math.round((newEvents * newBytes) / newCountedBytes),
    bytes: newBytes,
    latency: latency.take(),
    healthy: totals(clients.filter(({ isStalled }) => !isStalled)),
    stalled: totals(clients.filter(({ isStalled, hasEnded }) => isStalled && !hasEnded)),
    cutOff: totals(clients.filter(({ isStalled, hasEnded }) => isStalled && hasEnded)),
  }
}

function totals(some: readonly Client[]): ReceivedTotals {
  const counted = some.filter(({ isCounted }) => isCounted)
  return {
    subscribers: some.length,
    fewestEvents: counted.reduce((fewest, { events }) => Math.min(fewest, events), counted[0]?.events ?? 0),
    mostEvents: counted.reduce((most, { events }) => Math.max(most, events), 0),
    events: sum(counted, 'events'),
    withheldEvents: sum(some, 'withheld'),
    ended: some.filter(({ hasEnded }) => hasEnded).length,
  }
}

const sum = (some: readonly Client[], field: 'bytes' | 'events' | 'withheld') =>
  some.reduce((total, client) => total + client[field], 0)

async function perform(command: SubscribersCommand): Promise<SubscribersReport> {
  switch (command.do) {
    case 'open':
      await open(command)
      break
    case 'stall':
      for (const client of clients.slice(0, command.count)) {
        client.isStalled = true
        client.connection!.pause()
      }
      break
    case 'wake':
      for (const { isStalled, connection } of clients) if (isStalled) connection!.resume()
      break
    case 'take':
  }
  return take()
}

answerParent(perform)
