import { nowMicros } from '../../latency/micros.ts'
import { EventScanner, EventSource } from '../load/events.ts'
import type { PeerEvent, PeerServer, Publisher, Subject } from '../subject.ts'
import { SUBJECTS } from '../subjects/index.ts'
import { pause, type Workload } from '../workload.ts'

const EVENTS_PER_SEC = 2_000
const CONNECTIONS = 4
const SHAPE = { keys: 1_000, bytes: 110 }
const PACE_MS = 2
const BETWEEN_KILLS_MS = 1_500
/** As long as whoever watches a process takes to start it again. */
const DOWN_MS = 300
/** A call that is unanswered for so long is made again on another connection. */
const UNANSWERED_MS = 2_000
const RETRY_MS = 100
/** What is not acknowledged by then, after the last event, never is. */
const LAST_ACKS_MS = 10_000
/** A returning client has everything once nothing has come for so long. */
const QUIET_MS = 1_500
const READ_DEADLINE_MS = 15_000
const POLL_MS = 20

export const busKill: Workload = {
  description: `2,000 events a second over 4 connections, each sent until it is acknowledged, while kill -9 ends what stores them`,
  compared: { ackedButLost: 'less', doubled: 'less', outageMs: 'less' },
  async measure({ name, server }, { kills }) {
    const subject: Subject = SUBJECTS[name]
    if (subject.leave === undefined) return { void: 'it stores nothing: everything not yet delivered is lost' }
    const comeBack = await subject.leave(server.port)
    const sender = new Sender(subject, server)
    const outages: number[] = []
    try {
      await sender.start()
      for (let kill = 0; kill < kills; kill++) {
        await pause(BETWEEN_KILLS_MS)
        await server.killBus()
        const killedAt = performance.now()
        await pause(DOWN_MS)
        await server.restoreBus()
        outages.push(await sender.answersAgain(killedAt))
      }
      await pause(BETWEEN_KILLS_MS)
      await sender.finish()
    } finally {
      sender.close()
    }
    const received = await readAll(comeBack)
    const lost = [...sender.acked].filter((n) => !received.has(n)).length
    const doubled = [...received.values()].reduce((sum, times) => sum + times - 1, 0)
    return {
      acked: sender.acked.size,
      ackedButLost: lost,
      doubled,
      neverAcked: sender.sent - sender.acked.size,
      outageMs: Math.round(Math.max(...outages)),
      raw: [{ kills, outagesMs: outages, received: received.size, sent: sender.sent, retries: sender.retries }],
    }
  },
}

/** Publishes at fixed times, and each event until it is acknowledged. */
class Sender {
  readonly acked = new Set<number>()
  sent = 0
  retries = 0
  readonly #subject: Subject
  readonly #server: PeerServer
  readonly #source = new EventSource(SHAPE)
  readonly #lines: Line[]
  /** When the newest event that is acknowledged was first sent. */
  #newestAcked = 0
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(subject: Subject, server: PeerServer) {
    this.#subject = subject
    this.#server = server
    this.#lines = Array.from(
      { length: CONNECTIONS },
      () => new Line(() => this.#subject.publish(this.#server.port, true)),
    )
  }

  async start(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.get()))
    const startedAt = performance.now()
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startedAt) / 1_000) * EVENTS_PER_SEC
      while (this.sent < due) void this.#send(this.#source.next(nowMicros()), this.#lines[this.sent++ % CONNECTIONS]!)
    }, PACE_MS)
  }

  /** @returns how long after `since` an event was acknowledged that was sent after it, ms */
  async answersAgain(since: number): Promise<number> {
    for (const deadline = since + LAST_ACKS_MS; this.#newestAcked <= since; await pause(POLL_MS)) {
      if (performance.now() > deadline) return LAST_ACKS_MS
    }
    return performance.now() - since
  }

  /** Sends no new events, and waits for the acknowledgements of the others. */
  async finish(): Promise<void> {
    clearInterval(this.#timer)
    for (const deadline = performance.now() + LAST_ACKS_MS; this.acked.size < this.sent; await pause(POLL_MS)) {
      if (performance.now() > deadline) return
    }
  }

  close(): void {
    this.#isOver = true
    clearInterval(this.#timer)
    for (const line of this.#lines) line.close()
  }

  async #send(event: PeerEvent, line: Line): Promise<void> {
    const sentAt = performance.now()
    for (; !this.#isOver; this.retries++) {
      try {
        await line.publish(event)
        this.acked.add(event.n)
        this.#newestAcked = Math.max(this.#newestAcked, sentAt)
        return
      } catch {
        await pause(RETRY_MS)
      }
    }
  }
}

/** A connection, and the next one when it has ended. */
class Line {
  readonly #open: () => Promise<Publisher>
  #publisher: Promise<Publisher> | undefined
  #opened: Publisher | undefined

  constructor(open: () => Promise<Publisher>) {
    this.#open = open
  }

  get(): Promise<Publisher> {
    this.#publisher ??= this.#open().then(
      (publisher) => {
        this.#opened = publisher
        return publisher
      },
      (error: unknown) => {
        this.#publisher = undefined
        throw error
      },
    )
    return this.#publisher
  }

  /** @throws when it is not acknowledged */
  async publish(event: PeerEvent): Promise<void> {
    const publisher = await this.get()
    if (publisher.isTenacious) return publisher.publish([event])
    if (publisher.hasEnded) {
      this.#forget(publisher)
      throw new Error('the connection has ended')
    }
    let timer: NodeJS.Timeout | undefined
    const unanswered = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#forget(publisher)
        reject(new Error('no answer'))
      }, UNANSWERED_MS)
    })
    await Promise.race([publisher.publish([event]), unanswered]).finally(() => clearTimeout(timer))
  }

  close(): void {
    this.#opened?.close()
  }

  #forget(publisher: Publisher): void {
    publisher.close()
    // Another call may have opened the next one already.
    if (this.#opened === publisher) this.#publisher = undefined
  }
}

type ComeBack = Awaited<ReturnType<NonNullable<Subject['leave']>>>

/** How often each event comes to somebody who was away. */
async function readAll(comeBack: ComeBack): Promise<ReadonlyMap<number, number>> {
  const times = new Map<number, number>()
  let lastAt = performance.now()
  const scanner = new EventScanner((n) => {
    times.set(n, (times.get(n) ?? 0) + 1)
    lastAt = performance.now()
  })
  const subscriber = await comeBack({ receive: (payload) => scanner.read(payload) })
  for (const deadline = performance.now() + READ_DEADLINE_MS; performance.now() < deadline; await pause(POLL_MS)) {
    if (performance.now() - lastAt > QUIET_MS) break
  }
  subscriber.close()
  return times
}
