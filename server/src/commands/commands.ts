import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULTS, ERROR_CODES, isSampled, type LogEpoch, type TraceContext } from '@tidegate/protocol'
import { allowsKey, type Caller } from '../access/index.ts'
import { type Bus, COMMANDS_TOPIC, encodeEvent, findAnswers, partitionOf, traceMembers } from '../bus/index.ts'
import type { Clock } from '../clock.ts'
import type { Contract } from '../config/contract/model.ts'
import {
  type CommandBody,
  type CommandOutcome,
  type ExpectedVersion,
  ownedId,
  type Sender,
  storedOutcome,
  subjectOf,
} from '../entities/index.ts'
import type { Ingest, StoreOutcome } from '../ingest/index.ts'
import { jsonString } from '../json-string.ts'
import type { Limits } from '../limits/index.ts'
import { describeDefect, type ReportDefect, withoutRepeats } from '../observability/defects.ts'
import type { Spans } from '../tracing/index.ts'
import { AdvisedWait } from './advised-wait.ts'
import { Answers } from './answers.ts'
import { type CheckedCommand, checkCommand } from './check-command.ts'
import { type CommandRefusal, type CommandRequest, outOfOrder, refuse, withEpoch } from './command-request.ts'
import { commandSpan } from './command-span.ts'
import { PendingCommands, type Settle } from './pending-commands.ts'
import { ReplicaGate } from './replica-gate.ts'
import { shownOutcome, shownTo } from './shown-outcome.ts'
import { type FoundOutcome, toldOutcomes } from './told-outcome.ts'

/** A command may be run for so long after its sender's deadline: a retry with the same id comes sooner. */
const RUN_AFTER_DEADLINE_MS = 60_000
/** And so much later this gateway forgets it: it is stored a little later, and its answer has to come through. */
const FORGET_AFTER_MS = 5_000
const EXPIRE_EVERY_MS = 1_000
/** Advised wait while an owner lags: by then it has handled some of what waits, and whoever still finds it behind waits longer. */
const BEHIND_RETRY_MS = 100

export interface CommandsOptions {
  readonly bus: Bus
  readonly contract: Contract
  readonly ingest: Pick<Ingest, 'store' | 'epochOf'>
  readonly clock: Clock
  readonly report: ReportDefect
  /** Name of this gateway, for which answers are meant. Names are not shared. */
  readonly node: string
  /** Replicas that must have an outcome before it leaves. */
  readonly replicas?: number
  /** When to try again, while this gateway has more to do than it can. */
  readonly overloadedMs: () => number | undefined
  /** A command was answered: `done`, `domain` for a code of its entity, or another code; and how long that took. */
  readonly onAnswer: (outcome: string, seconds: number) => void
  /** Has room for what is pending; absent: as much as is sent. */
  readonly limits?: Pick<Limits, 'hold' | 'release'>
  /** Takes commands that no client may send. MUST NOT be set where clients send them. */
  readonly isOperator?: boolean
  /** Absent: nobody records traces. */
  readonly spans?: Spans | undefined
}

/** Stores commands in the log of their entity's partition, and answers each with what the owner of the partition made of it. */
export class Commands {
  readonly #options: CommandsOptions
  readonly #report: ReportDefect
  readonly #pending: PendingCommands
  readonly #advised: AdvisedWait
  readonly #replicas: ReplicaGate
  /** Absent where the contract has no entities: nothing is ever stored. */
  readonly #answers: Answers | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: CommandsOptions) {
    const { bus, contract, clock, node, replicas = 0, report, limits } = options
    this.#options = options
    this.#report = withoutRepeats(report)
    const monotonic = () => clock.monotonic()
    this.#advised = new AdvisedWait(monotonic)
    this.#pending = new PendingCommands(bus.partitions, monotonic, limits, this.#advised)
    this.#replicas = new ReplicaGate(bus, replicas, report, limits)
    if (contract.entities.size > 0)
      this.#answers = new Answers({ bus, node, pending: this.#pending, replicas: this.#replicas, monotonic, report })
  }

  /** MUST be awaited before anything is taken: answers are read from here on. @throws when Redis is not reachable */
  async start(): Promise<void> {
    await this.#answers?.start()
    this.#timer = setInterval(() => this.#pending.expire(), EXPIRE_EVERY_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#pending.close()
    await this.#answers?.close()
  }

  /** Commands without an outcome. */
  get pending(): number {
    return this.#pending.size
  }

  /** Resolves when nobody waits for an outcome. */
  async drain(): Promise<void> {
    while (this.#pending.waiting > 0) await sleep(5)
  }

  /**
   * The epoch that the log must have for a command that comes now to be stored behind those before it: that of one without an
   * outcome, which may be lost, or else the present one, as far as is known.
   */
  epochOf(entity: string, key: string): string | undefined {
    const { ingest, bus } = this.#options
    return this.#pending.epochOf(entity, key) ?? ingest.epochOf(partitionOf(key, bus.partitions))
  }

  /** A log continues under another epoch: commands stored before may be lost. */
  epochChanged({ partition, epoch }: LogEpoch): void {
    this.#answers?.observe(partition, epoch)
  }

  /** @param answer is called exactly once, possibly before `send` returns. MUST NOT throw. */
  send(asked: CommandRequest, answer: Settle): void {
    const settle = this.#traced(asked, this.#measured(asked, shownTo(asked, answer)))
    const id = ownedId(asked.id, asked.caller)
    const request = id === asked.id ? asked : { ...asked, id }
    const retryAfterMs = this.#options.overloadedMs()
    if (retryAfterMs !== undefined) return settle(refuse('overloaded', OVERLOADED, retryAfterMs))
    const { entity, key, deadlineMs = DEFAULTS.deadlineMs } = request
    const partition = partitionOf(key, this.#options.bus.partitions)
    const checked = this.#check(partition, request)
    if (!checked.ok) return settle(checked.refusal)
    const { checksum, input } = checked
    const keepMs = deadlineMs + RUN_AFTER_DEADLINE_MS + FORGET_AFTER_MS
    const wait = { partition, id, checksum, entity, key, inputChars: input.length, deadlineMs, settle }
    const entered = this.#pending.enter(wait, keepMs)
    if (entered.as === 'refused') settle(entered.refusal)
    else if (entered.as === 'first') this.#store(partition, request, checked, deadlineMs)
  }

  /**
   * What became of a command of the caller, without sending it again.
   *
   * @returns `undefined` for one that nothing is known of
   * @throws BusUnavailable
   */
  async outcome(
    entity: string,
    key: string,
    chosen: string,
    caller: Pick<Caller, 'rights' | 'namespace'>,
  ): Promise<CommandOutcome | 'pending' | undefined> {
    const { bus, contract } = this.#options
    const { rights } = caller
    const id = ownedId(chosen, caller)
    const definition = contract.entities.get(entity)
    const commands = [...(definition?.commands.keys() ?? [])].filter((name) =>
      allowsKey(rights.keys('command', `${entity}.${name}`), key),
    )
    // Which command it was is in its outcome no more: its sender may know what became of it while it may send any of them to the key.
    if (commands.length === 0) return undefined
    const partition = partitionOf(key, bus.partitions)
    // Before it is looked up: otherwise its answer could come between the two.
    const isPending = this.#pending.hasOf(partition, id, entity, key)
    const entities = bus.entities(partition, 'query')
    const found: FoundOutcome[] = []
    await findAnswers(entities, bus.log(partition, 'query'), [id], ({ event }) => {
      const isOfAnother = event !== undefined && event.source !== subjectOf(entity, key)
      if (!isOfAnother) found.push({ entity, key, outcome: storedOutcome(event) })
    })
    if (found.length === 0) return isPending ? 'pending' : undefined
    await this.#replicas.confirm(partition)
    for await (const { outcome } of toldOutcomes(entities, found)) {
      return shownOutcome(outcome, { entity, key, commands, rights })
    }
    return undefined
  }

  /** Whether a code is one of the entity's own. */
  isDeclared(entity: string, code: string): boolean {
    return this.#options.contract.entities.get(entity)?.rejections.has(code) === true
  }

  #check(partition: number, request: CommandRequest): CheckedCommand {
    const { contract, isOperator } = this.#options
    try {
      return checkCommand(contract, request, { isOperator, whyFull: () => this.#whyFull(partition, request) })
    } catch (error) {
      // A schema is code of the config.
      const message = describeDefect(this.#report(`the schema of ${request.entity}.${request.command}`, error))
      return { ok: false, refusal: refuse('internal', message) }
    }
  }

  /** Why a new command is not taken now, whatever it is. One that is pending may be joined. */
  #whyFull(partition: number, { id, entity, key }: CommandRequest): CommandRefusal | undefined {
    if (this.#pending.has(partition, id)) return undefined
    if (this.#answers?.isBehind(partition)) return refuse('overloaded', BEHIND, this.#advised.next(BEHIND_RETRY_MS))
    return this.#pending.whyFull(entity, key)
  }

  #store(
    partition: number,
    request: CommandRequest,
    { input, checksum }: Extract<CheckedCommand, { ok: true }>,
    deadlineMs: number,
  ): void {
    const { node, clock, ingest, contract } = this.#options
    const { id, entity, key, command, caller, expected, epoch, overtakes, ageMs, trace = NO_TRACE } = request
    const time = clock.now()
    const waitMs = deadlineMs + RUN_AFTER_DEADLINE_MS
    const by = senderOf(caller, contract.access.claims)
    const data = encodeBody({ node, entity, command, checksum, ageMs, expected, by, waitMs }, input)
    const json = encodeEvent(id, key, time, undefined, data, traceMembers(trace))
    const event = { key, lane: 'high', time, json, isSampled: isSampled(trace) } as const
    ingest.store(COMMANDS_TOPIC, event, { epoch, overtakes }, (outcome) => this.#stored(partition, id, outcome))
  }

  #stored(partition: number, id: string, outcome: StoreOutcome): void {
    if (outcome.kind === 'reject') {
      const { code, message, retryAfterMs, epochs } = outcome
      // If it was stored all the same, the retry gets its outcome.
      const refusal =
        code === 'out_of_order' ? outOfOrder() : withEpoch(refuse(code, message, retryAfterMs), epochs?.[0]?.epoch)
      return this.#pending.settle(partition, id, refusal)
    }
    const { epoch } = outcome
    this.#pending.stored(partition, id, epoch)
    this.#answers?.observe(partition, epoch)
  }

  #traced(request: CommandRequest, settle: Settle): Settle {
    const { spans, contract } = this.#options
    if (spans === undefined || request.trace === undefined) return settle
    // Clients may ask for any.
    return contract.entities.has(request.entity) ? commandSpan(spans, request, settle) : settle
  }

  #measured({ entity }: CommandRequest, answer: Settle): Settle {
    const { clock, onAnswer } = this.#options
    const since = clock.monotonic()
    const labelOf = (code: string) => (this.isDeclared(entity, code) ? 'domain' : code)
    return (outcome, logged) => {
      const label = outcome.status === 'done' ? 'done' : labelOf(outcome.code)
      onAnswer(label, (clock.monotonic() - since) / 1_000)
      answer(outcome, logged)
    }
  }
}

/** Fields of a `CommandBody` but its input. */
interface BodyFields extends Pick<CommandBody, 'node' | 'entity' | 'command' | 'checksum' | 'waitMs'> {
  readonly ageMs: number | undefined
  readonly expected: ExpectedVersion | undefined
  readonly by: Sender | undefined
}

/** JSON of a `CommandBody`. @param input as JSON */
function encodeBody(fields: BodyFields, input: string): string {
  const { node, entity, command, checksum, ageMs, expected, by, waitMs } = fields
  let json = `{"node":${jsonString(node)},"entity":${jsonString(entity)},"command":${jsonString(command)}`
  json += `,"checksum":"${checksum}","waitMs":${waitMs}`
  if (ageMs !== undefined) json += `,"ageMs":${ageMs}`
  if (expected !== undefined) json += `,"expected":${JSON.stringify(expected)}`
  if (by !== undefined) json += `,"by":${JSON.stringify(by)}`
  return `${json},"input":${input}}`
}

/** The caller as handlers and trails are to know it. */
function senderOf({ identity, subject }: Caller, claims: readonly string[]): Sender | undefined {
  if (identity.kind === 'anonymous') return undefined
  if (identity.kind !== 'token') return { subject }
  const listed = claims.filter((name) => Object.hasOwn(identity.claims, name))
  const shown = Object.fromEntries(listed.map((name) => [name, identity.claims[name]]))
  return { subject, ...(listed.length > 0 && { claims: shown }) }
}

const NO_TRACE: Partial<TraceContext> = {}

const BEHIND = `The worker of this entity is behind with its commands. ${ERROR_CODES.overloaded}`
const OVERLOADED =
  'This gateway is overloaded. Send the command again after `retryAfterMs`, or through another gateway.'
