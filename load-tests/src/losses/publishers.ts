import { createClient } from '@tidegate/client/node'
import { parsePosition } from '@tidegate/protocol'
import { partitionOf } from '../../../server/src/bus/index.ts'
import { PARTITIONS } from './deployment.ts'
import type config from './losses.config.ts'
import { NOTE } from './losses.config.ts'
import type { Client } from './visitor.ts'

/** A note, and what its publisher was told. */
export interface Published {
  readonly id: string
  readonly key: string
  readonly n: number
  readonly partition: number
  /** By whom: an SDK client, which resends, or a request over HTTP to a gateway, which nobody repeats. */
  readonly by: { readonly client: number } | { readonly gateway: number }
  ack: { readonly at: number; readonly epoch: string; readonly streamId: string } | undefined
}

const TICK_MS = 30
const KEYS = 3
export const COUNTERS = 4
const CLOSE_DEADLINE_MS = 2_000

/** Publishes notes and commands all the time, and remembers what was acknowledged. */
export class Publishers {
  readonly notes: Published[] = []
  /** Publishes of SDK clients, and commands, without an answer. */
  readonly unanswered = new Map<number, string>()
  /** Answers other than an acknowledgement, of SDK clients. */
  readonly refused: string[] = []
  /** Amounts that commands have added, as answered. */
  added = 0
  readonly #clients: readonly Client[]
  readonly #urlOf: (gateway: number) => string
  readonly #random: () => number
  readonly #timer: NodeJS.Timeout
  #requests = 0
  #calls = 0
  #n = 0

  constructor(urlOf: (gateway: number) => string, random: () => number) {
    this.#urlOf = urlOf
    this.#random = random
    this.#clients = [0, 1].map((gateway) => createClient<typeof config>({ url: urlOf(gateway) }))
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Publishes nothing more by itself. */
  stop(): void {
    clearInterval(this.#timer)
  }

  /** One note more, of a partition and with a remainder of its number, which decides its lane. @returns its id */
  end(partition: number, lane: number): string {
    while (this.#n % 3 !== lane) this.#n++
    const key = Array.from({ length: 100 }, (_, i) => `end-${i}`).find(
      (each) => partitionOf(each, PARTITIONS) === partition,
    )
    return this.#publish(0, [key!])[0]!
  }

  async close(): Promise<void> {
    this.stop()
    await Promise.all(this.#clients.map((client) => client.close({ deadlineMs: CLOSE_DEADLINE_MS })))
  }

  #tick(): void {
    const key = (who: string) => `${who}-${Math.floor(this.#random() * KEYS)}`
    for (const client of [0, 1]) {
      this.#publish(
        client,
        Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => key(`c${client}`)),
      )
    }
    if (this.#requests < 2) void this.#request(this.#random() < 0.5 ? 0 : 1, key('h'))
    if (this.#random() < 0.7) this.#command(this.#random() < 0.5 ? 0 : 1, Math.floor(this.#random() * COUNTERS))
  }

  #note(key: string, by: Published['by']): Published {
    const n = this.#n++
    const note = { id: `e-${n}`, key, n, partition: partitionOf(key, PARTITIONS), by, ack: undefined }
    this.notes.push(note)
    return note
  }

  #publish(client: number, keys: readonly string[]): string[] {
    const notes = keys.map((key) => this.#note(key, { client }))
    const events = notes.map(({ id, key, n }) => ({ id, data: { key, n } }))
    this.#settle(
      `the acknowledgement of ${notes.map(({ id }) => id).join(', ')}`,
      this.#clients[client]!.publish(NOTE, events).then(({ at, rejected }) => {
        for (const { code, index } of rejected) this.refused.push(`${notes[index]!.id}: ${code}`)
        const refused = new Set(rejected.map(({ index }) => index))
        acknowledge(
          notes.filter((_, i) => !refused.has(i)),
          at,
        )
      }),
    )
    return notes.map(({ id }) => id)
  }

  async #request(gateway: number, key: string): Promise<void> {
    const note = this.#note(key, { gateway })
    this.#requests++
    try {
      const body = JSON.stringify({ topic: NOTE, id: note.id, data: { key, n: note.n } })
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${this.#urlOf(gateway)}/v1/events`, { method: 'POST', headers, body })
      if (response.ok) acknowledge([note], ((await response.json()) as { at: string[] }).at)
    } catch {
      // Nobody was told that it is stored.
    } finally {
      this.#requests--
    }
  }

  #command(client: number, counter: number): void {
    const answer = this.#clients[client]!.command(
      'counter',
      `k-${counter}`,
      'add',
      { amount: 1 },
      { deadlineMs: 60_000 },
    )
    this.#settle(
      `the outcome of a command to k-${counter}`,
      answer.then(() => {
        this.added++
      }),
    )
  }

  #settle(what: string, answer: Promise<void>): void {
    const call = this.#calls++
    this.unanswered.set(call, what)
    answer.then(
      () => this.unanswered.delete(call),
      (error: Error) => {
        this.unanswered.delete(call)
        this.refused.push(`${what}: ${error.message}`)
      },
    )
  }
}

function acknowledge(notes: readonly Published[], positions: readonly string[]): void {
  const at = performance.now()
  const places = new Map(positions.map((text) => parsePosition(text)!).map((place) => [place.partition, place]))
  for (const note of notes) {
    const { epoch, streamId } = places.get(note.partition)!
    note.ack = { at, epoch, streamId }
  }
}
