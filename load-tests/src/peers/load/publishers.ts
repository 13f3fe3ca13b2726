/** Child process of `bench peers`: connections that publish, as fast as they are answered or at fixed times. */
import { nowMicros } from '../../latency/micros.ts'
import { answerParent } from '../../support/answer-parent.ts'
import type { Publisher, Subscriber } from '../subject.ts'
import { SUBJECTS, type SubjectName } from '../subjects/index.ts'
import { EventScanner, type EventShape, EventSource } from './events.ts'
import { type LatencyFigures, LatencyHistogram } from './histogram.ts'

export type PublishersCommand =
  | {
      readonly do: 'open'
      readonly subject: SubjectName
      readonly port: number
      readonly connections: number
      readonly shape: EventShape
    }
  /** Keeps so many calls of each connection unanswered. */
  | { readonly do: 'saturate'; readonly callsInFlight: number; readonly eventsPerCall: number }
  /** Calls at fixed times, whatever the answers do. */
  | {
      readonly do: 'pace'
      readonly callsPerSec: number
      readonly eventsPerCall: number
      /** Calls are left out while a subscriber of this process is so many events behind; 0: never. */
      readonly maxBehind: number
    }
  | { readonly do: 'take' }
  /** Sends nothing more, and waits for the last answers. */
  | { readonly do: 'stop' }

/** Since the last report. */
export type PublishersReport = {
  readonly seconds: number
  readonly sentEvents: number
  readonly ackedEvents: number
  readonly failedCalls: number
  /** Why the first call failed. */
  readonly failure?: string
  /** Calls that were left out. */
  readonly skippedCalls: number
  /** From the time at which a call should have left to its answer. */
  readonly ack: LatencyFigures
}

const PACE_MS = 1
const LAST_ANSWERS_MS = 2_000
const POLL_MS = 5

let connections: Publisher[] = []
let source: EventSource
let follower: Subscriber | undefined
let where: Extract<PublishersCommand, { do: 'open' }>
let timer: NodeJS.Timeout | undefined
let isStopped = true

let unanswered = 0
let published = 0
let followed = 0
const ack = new LatencyHistogram()
let since = performance.now()
let counts = emptyCounts()

function emptyCounts() {
  return { sentEvents: 0, ackedEvents: 0, failedCalls: 0, failure: undefined as string | undefined, skippedCalls: 0 }
}

async function open(command: Extract<PublishersCommand, { do: 'open' }>): Promise<void> {
  where = command
  source = new EventSource(command.shape)
  const { subject, port } = command
  connections = await Promise.all(Array.from({ length: command.connections }, () => SUBJECTS[subject].publish(port)))
}

/** @param dueAt when the call should leave, microseconds */
async function call(connection: Publisher, eventsPerCall: number, dueAt: number): Promise<void> {
  const events = Array.from({ length: eventsPerCall }, () => source.next(dueAt))
  counts.sentEvents += eventsPerCall
  published += eventsPerCall
  unanswered++
  try {
    await connection.publish(events)
    counts.ackedEvents += eventsPerCall
    ack.record(nowMicros() - dueAt)
  } catch (error) {
    counts.failedCalls++
    counts.failure ??= (error as Error).message
  }
  unanswered--
}

function saturate({ callsInFlight, eventsPerCall }: Extract<PublishersCommand, { do: 'saturate' }>): void {
  const keepCalling = async (connection: Publisher) => {
    while (!isStopped && counts.failedCalls === 0) await call(connection, eventsPerCall, nowMicros())
  }
  for (const connection of connections) {
    for (let i = 0; i < callsInFlight; i++) void keepCalling(connection)
  }
}

async function pace({ callsPerSec, eventsPerCall, maxBehind }: Extract<PublishersCommand, { do: 'pace' }>) {
  if (maxBehind > 0) await follow()
  const everyMicros = 1_000_000 / callsPerSec
  const startedAt = nowMicros()
  let calls = 0
  timer = setInterval(() => {
    for (const due = (nowMicros() - startedAt) / everyMicros; calls < due; calls++) {
      if (maxBehind > 0 && published - followed > maxBehind) counts.skippedCalls++
      else void call(connections[calls % connections.length]!, eventsPerCall, startedAt + calls * everyMicros)
    }
  }, PACE_MS)
}

async function follow(): Promise<void> {
  const scanner = new EventScanner(() => followed++)
  follower = await SUBJECTS[where.subject].subscribe(where.port, { receive: (payload) => scanner.read(payload) })
}

function take(): PublishersReport {
  const { failure, ...numbers } = counts
  const now = performance.now()
  const report = {
    seconds: (now - since) / 1_000,
    ...numbers,
    ...(failure !== undefined && { failure }),
    ack: ack.take(),
  }
  since = now
  counts = emptyCounts()
  return report
}

async function stop(): Promise<void> {
  isStopped = true
  clearInterval(timer)
  for (const deadline = performance.now() + LAST_ANSWERS_MS; unanswered > 0 && performance.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  follower?.close()
}

async function perform(command: PublishersCommand): Promise<PublishersReport> {
  switch (command.do) {
    case 'open':
      await open(command)
      break
    case 'saturate':
      isStopped = false
      saturate(command)
      break
    case 'pace':
      await pace(command)
      break
    case 'take':
      break
    case 'stop':
      await stop()
  }
  return take()
}

answerParent(perform)
