import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type TidegateClient } from '@tidegate/client/node'
import { partitionOf } from '../../../../server/src/bus/index.ts'
import { SKUS } from '../../support/shop/entities.ts'
import type config from '../chaos.config.ts'
import { PARTITIONS } from '../deployment.ts'
import { doneOf, failureOf, type Outcome } from './outcome.ts'

type Client = TidegateClient<typeof config>
type Ask =
  | { readonly entity: 'account'; readonly ask: { readonly [Name in keyof Inputs]: Command<Name> }[keyof Inputs] }
  | { readonly entity: 'order'; readonly ask: { readonly sku: string; readonly parts: number } }

interface Command<Name extends keyof Inputs> {
  readonly command: Name
  readonly input: Inputs[Name]
}

interface Inputs {
  readonly add: { readonly amounts: number[] }
  readonly take: { readonly amount: number }
  readonly label: { readonly label: string }
  readonly status: Readonly<Record<string, never>>
}

/** One command, and what its sender has been told of it. */
export interface SentCommand {
  readonly id: string
  readonly client: Client
  readonly key: string
  readonly partition: number
  readonly ask: Ask
  readonly isPipelined: boolean
  /** `performance.now()` of the call. */
  readonly sentAt: number
  settledAt: number | undefined
  /** What it came to at first. */
  first: Outcome | undefined
  /** What it came to when its sender asked again in the end. */
  again: Outcome | undefined
  /** Calls until the first outcome: more than one does not keep the order of the calls. */
  calls: number
}

const CLIENTS = 4
/** So few that commands of different clients meet at one key. */
const KEYS = 48
const LABELS = 6
/** Of commands, those that place an order: others follow from it. */
const ORDER_SHARE = 0.1
const MAX_PARTS = 3
const TICK_MS = 20
/** 300 a second. */
const PER_TICK = 6
const PIPELINED_SHARE = 0.4
/** Between two calls of a client that got no outcome. */
const ASK_AGAIN_MS = 100
/** No fault of a scenario lasts nearly as long. */
const GIVE_UP_MS = 40_000
const ASKED_AT_ONCE = 200

/** SDK clients that send commands at a steady rate, and insist on the outcome of each. */
export class CommandLoad {
  readonly sent: SentCommand[] = []
  readonly #random: () => number
  readonly #urlOf: (i: number) => string
  readonly #clients: Client[]
  readonly #working = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout

  /** @param urlOf where the nth client connects */
  constructor(urlOf: (i: number) => string, random: () => number) {
    this.#random = random
    this.#urlOf = urlOf
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => createClient<typeof config>({ url: urlOf(i) }))
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Commands without an outcome. */
  get unsettled(): readonly SentCommand[] {
    return this.sent.filter(({ settledAt }) => settledAt === undefined)
  }

  /** Sends many at once, through as many clients of one gateway as it takes to have all of them on their way. */
  burst(count: number, perClient: number, url: number): void {
    for (let left = count; left > 0; left -= perClient) {
      const client = createClient<typeof config>({ url: this.#urlOf(url) })
      this.#clients.push(client)
      for (let i = 0; i < Math.min(left, perClient); i++) this.#send(client, true)
    }
  }

  /** Sends no more, and waits until each has its outcome, or is given up. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#working)
  }

  /** Asks for every outcome once more, each through the client that sent the command. */
  async askAgain(): Promise<void> {
    for (let from = 0; from < this.sent.length; from += ASKED_AT_ONCE) {
      await Promise.all(
        this.sent.slice(from, from + ASKED_AT_ONCE).map(async (command) => {
          command.again = await this.#ask(command, true)
        }),
      )
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#clients.map((client) => client.close({ deadlineMs: 0 })))
  }

  #tick(): void {
    for (let i = 0; i < PER_TICK; i++) {
      const client = this.#clients[Math.floor(this.#random() * CLIENTS)]!
      this.#send(client, this.#random() < PIPELINED_SHARE)
    }
  }

  #send(client: Client, isPipelined: boolean): void {
    const n = this.sent.length
    const ask = this.#nextAsk()
    const key = ask.entity === 'order' ? `o-${n}` : `a-${this.#below(KEYS)}`
    const partition = partitionOf(key, PARTITIONS)
    const told = { settledAt: undefined, first: undefined, again: undefined, calls: 0 }
    const command = { id: `c-${n}`, client, key, partition, ask, isPipelined, sentAt: performance.now(), ...told }
    this.sent.push(command)
    const work = this.#insist(command).finally(() => this.#working.delete(work))
    this.#working.add(work)
  }

  #nextAsk(): Ask {
    if (this.#random() < ORDER_SHARE) {
      return { entity: 'order', ask: { sku: `s-${this.#below(SKUS)}`, parts: 1 + this.#below(MAX_PARTS) } }
    }
    return { entity: 'account', ask: this.#ofAccount() }
  }

  #ofAccount(): Extract<Ask, { entity: 'account' }>['ask'] {
    const which = this.#random()
    if (which < 0.5) {
      return { command: 'add', input: { amounts: Array.from({ length: 1 + this.#below(3) }, () => this.#below(50)) } }
    }
    if (which < 0.75) return { command: 'take', input: { amount: this.#below(120) } }
    if (which < 0.9) return { command: 'label', input: { label: `l-${this.#below(LABELS)}` } }
    return { command: 'status', input: {} }
  }

  /** As a caller does for whom it matters: the same command again until it has an outcome. */
  async #insist(command: SentCommand): Promise<void> {
    const giveUpAt = command.sentAt + GIVE_UP_MS
    for (;;) {
      command.calls++
      const outcome = await this.#ask(command, command.isPipelined)
      if (outcome.kind !== 'none' || outcome.isFinal || performance.now() > giveUpAt) {
        command.first = outcome
        command.settledAt = performance.now()
        return
      }
      await sleep(ASK_AGAIN_MS)
    }
  }

  #ask({ client, id, key, ask: of }: SentCommand, pipelined: boolean): Promise<Outcome> {
    const outcome =
      of.entity === 'order'
        ? client.command('order', key, 'place', of.ask, { id, pipelined })
        : client.command('account', key, of.ask.command, of.ask.input, { id, pipelined })
    return outcome.then(doneOf, failureOf)
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
