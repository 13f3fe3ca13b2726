import {
  ANSWER_ERROR_CODES,
  COMMAND_CODE_NAMES,
  COMMAND_DEADLINE_MS,
  FRAME_BYTES,
  ID_BYTES,
  type LogEpoch,
  MAX_DEADLINE_MS,
  MIN_DEADLINE_MS,
  parseLogEpoch,
  parsePosition,
  type TraceContext,
} from '@tidegate/protocol'
import { type AbortSignal, abortable } from '../application/abort-signal.ts'
import { jsonOf } from '../application/arguments.ts'
import { Deferred } from '../application/deferred.ts'
import { resendDelayMs } from '../backoff.ts'
import type { Link } from '../connection/connection.ts'
import { OUTBOX_ERRORS } from '../errors/error-codes.ts'
import { CommandRejected, passingError, TidegateError, type TidegateErrorCode } from '../errors/errors.ts'
import { has, isAbsentOr, isDelay, isListOf, isNumber, isPosition, isRecord, isText } from '../frames/checks.ts'
import type { FrameChecks, FrameHandlers, FrameOf, Part } from '../frames/part.ts'
import { LONGEST_TIMER_MS } from '../longest-timer.ts'
import type { AckedPositions } from '../publishing/acked-positions.ts'
import { Kept } from '../publishing/kept.ts'
import { utf8Bytes } from '../utf8-bytes.ts'
import { checkCommand } from './check-command.ts'
import { birthOf, newCommandId } from './command-id.ts'
import { CommandQueue, type QueueLimits, type SettledCommand } from './command-queue.ts'
import type { CommandOptions, UntypedAnswer } from './command-types.ts'
import type { RecoveredCommand } from './recovered-command.ts'

type Answer = FrameOf<'answer'>
type Rejection = Extract<Answer, { status: 'rejected' }>

/** What is asked of which entity. */
export interface CommandCall {
  readonly entity: string
  readonly key: string
  readonly command: string
  readonly input: unknown
}

interface Pending {
  readonly id: string
  /** The entity that it is for. */
  readonly subject: string
  /** The frame but for its age and deadline, and its closing brace. */
  readonly head: string
  /** Members that say where it comes from, with a comma before each: no part of the content. */
  readonly trace: string
  readonly answer: Deferred<UntypedAnswer>
  /** By the monotonic clock. */
  readonly deadlineAt: number
  readonly deadline: ReturnType<typeof setTimeout>
  /** By the clock on the wall: of the id, or of the first attempt. A new id is as old as that. */
  bornAt: number | undefined
  /** Callers. */
  waiting: number
  /** Refusals in a row that the server called passing. */
  refusals: number
  retryTimer: ReturnType<typeof setTimeout> | undefined
  lastRefusal: TidegateError | undefined
}

/** A command that was done, and what its caller was told. */
interface Answered {
  readonly settled: SettledCommand<Pending>
  readonly answer: UntypedAnswer
  /** Of the log that has the answer. */
  readonly at: LogEpoch
}

/** The log of answers, as `hello.acked` names it. */
const ANSWERS_TOPIC = '~answers'
/** Type, epoch, age, deadline and punctuation around what a command says. */
const ENVELOPE_BYTES = 110
/** `after`, if every byte of that id is escaped. */
const AFTER_BYTES = 10 + 6 * ID_BYTES
/** Codes that no entity declares. */
const OF_TIDEGATE: ReadonlySet<string> = new Set([...COMMAND_CODE_NAMES, ...ANSWER_ERROR_CODES])
/** Those of them that are about the entity and the input, and no fault of anybody. */
const VERDICTS: ReadonlySet<string> = new Set(['invalid_input', 'version_conflict'])

const isDone = has({ version: isNumber, epoch: isText, events: isListOf(isRecord) })
const isRejected = has({
  code: isText,
  message: isText,
  retryAfterMs: isAbsentOr(isDelay),
  path: isAbsentOr(isText),
})
const isAnswer = has({ id: isText, position: isAbsentOr(isPosition) })

export const COMMAND_CHECKS: FrameChecks = {
  answer: (frame) => {
    if (!isAnswer(frame)) return false
    const { status } = frame as Answer
    return status === 'done' ? isDone(frame) : status === 'rejected' && isRejected(frame)
  },
}

/** Sends commands until each has its outcome, or reaches its deadline. */
export class Commands implements Part {
  readonly checks = COMMAND_CHECKS
  readonly frames: FrameHandlers = {
    answer: (frame) => this.#answered(frame),
    epoch: ({ at }) => this.#epochsChanged(at),
    reject: ({ epochs = [] }) => this.#epochsChanged(epochs),
  }
  readonly #link: Link
  readonly #queue: CommandQueue<Pending>
  readonly #acked: AckedPositions
  readonly #onRecovered: (command: RecoveredCommand) => void
  /** Commands that changed something. */
  readonly #kept = new Kept<Answered>()
  /** Entity -> the newest of them. */
  readonly #newest = new Map<string, Answered>()
  /** Partition -> epoch of its log, as reported on this connection. */
  readonly #epochs = new Map<number, string>()
  /** Commands on their way are answered here, the rest is sent elsewhere. */
  #isLeaving = false
  #onEmpty: (() => void) | undefined

  /** @param onRecovered is called when the answer of a command is no longer the one it had. MUST NOT throw. */
  constructor(
    link: Link,
    limits: QueueLimits,
    acked: AckedPositions,
    onRecovered: (command: RecoveredCommand) => void,
  ) {
    this.#link = link
    this.#queue = new CommandQueue(limits)
    this.#acked = acked
    this.#onRecovered = onRecovered
  }

  /** For the next gateway: partition -> epoch under which the newest kept command was answered. */
  get keptEpochs(): ReadonlyMap<number, string> {
    return this.#kept.epochs
  }

  /**
   * @param from where it comes from
   * @throws CommandRejected
   * @throws TidegateError `deadline_exceeded`, `outbox_expired`, `outbox_full`, `closed`, or another code of an answer
   */
  async send(call: CommandCall, options: CommandOptions, from?: TraceContext): Promise<UntypedAnswer> {
    const {
      id = newCommandId(Date.now()),
      expectedVersion,
      pipelined = false,
      deadlineMs = COMMAND_DEADLINE_MS,
      signal,
    } = options
    checkCommand({ id, ...call, expectedVersion })
    if (!(deadlineMs > 0 && deadlineMs <= LONGEST_TIMER_MS)) {
      throw commandError('invalid_frame', `deadlineMs: expected at most ${LONGEST_TIMER_MS} ms`, id)
    }
    const { entity, key } = call
    const frame = { type: 'command', id, ...call, expectedVersion }
    const head = jsonOf('command', frame).slice(0, -1)
    const unresolved = this.#queue.find(id)
    if (unresolved?.head === head) return this.#wait(unresolved, signal)
    if (unresolved !== undefined) throw commandError('conflict', 'Another command without an outcome has this id.', id)
    const trace = from === undefined ? '' : `,${JSON.stringify(from).slice(1, -1)}`
    const bytes = utf8Bytes(head) + trace.length + ENVELOPE_BYTES
    // The server would end the connection.
    if (bytes + AFTER_BYTES > FRAME_BYTES) throw commandError('frame_too_large', `The command has ${bytes} bytes.`, id)
    if (!this.#queue.hasRoom(bytes)) throw passingError(OUTBOX_ERRORS, 'outbox_full')
    const bornAt = options.id === undefined ? undefined : birthOf(id)
    const subject = JSON.stringify([entity, key])
    const item = this.#pending({ id, subject, head, trace, bornAt, deadlineMs })
    this.#queue.push({ id, subject, isPipelined: pipelined, bytes, item })
    this.#pump()
    return this.#wait(item, signal)
  }

  /** A command that was never sent goes with the last one who waits for it. */
  #wait(item: Pending, signal: AbortSignal | undefined): Promise<UntypedAnswer> {
    item.waiting++
    return abortable(signal, item.answer.promise, () => {
      if (--item.waiting === 0 && this.#queue.isUnsent(item.id)) this.#settle(item.id, () => {})
    })
  }

  online(): void {
    this.#pump()
  }

  leaving(): void {
    this.#isLeaving = true
  }

  /** Logs continue under these epochs. What commands did under others may be lost: they go again, before later ones. */
  #epochsChanged(at: readonly string[]): void {
    for (const text of at) this.#changed(parseLogEpoch(text)!)
    this.#pump()
  }

  offline(): void {
    this.#isLeaving = false
    this.#epochs.clear()
    this.#queue.disconnected()
  }

  #answered(answer: Answer): void {
    const { id } = answer
    if (answer.status === 'rejected' && answer.retryAfterMs !== undefined) {
      this.#refused(id, answer, answer.retryAfterMs)
      return
    }
    if (answer.position !== undefined) this.#acked.note(ANSWERS_TOPIC, answer.position)
    this.#settle(id, (settled) => {
      const { item } = settled
      if (answer.status === 'rejected') return item.answer.reject(rejectionOf(id, answer))
      const { version, epoch, events, reply, position } = answer
      const told: UntypedAnswer = { version, epoch, at: `${version}@${epoch}`, events, reply }
      item.answer.resolve(told)
      if (position !== undefined && events.length > 0) this.#keep(settled, told, position)
    })
  }

  /** Resolves when no command waits for its outcome any more. */
  async empty(): Promise<void> {
    if (this.#queue.size === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  /** Gives up everything. */
  end({ code, message, cause }: TidegateError): void {
    for (const id of this.#queue.ids()) {
      this.#settle(id, ({ item, firstSentAt }) => {
        const fate = firstSentAt === undefined ? 'was never sent' : 'may still be run'
        item.answer.reject(new TidegateError(code, `${message} The command ${id} ${fate}.`, { cause, commandId: id }))
      })
    }
  }

  #pending({
    deadlineMs,
    ...sent
  }: Pick<Pending, 'id' | 'subject' | 'head' | 'trace' | 'bornAt'> & { readonly deadlineMs: number }): Pending {
    return {
      ...sent,
      answer: new Deferred(),
      deadlineAt: performance.now() + deadlineMs,
      deadline: setTimeout(() => this.#expire(sent.id), deadlineMs),
      waiting: 0,
      refusals: 0,
      retryTimer: undefined,
      lastRefusal: undefined,
    }
  }

  #pump(): void {
    if (!this.#link.isOnline || this.#isLeaving) return
    const now = performance.now()
    for (let attempt = this.#queue.next(now); attempt !== undefined; attempt = this.#queue.next(now)) {
      const { item, ageMs, after } = attempt
      const remainingMs = Math.ceil(item.deadlineAt - now)
      const deadlineMs = Math.min(MAX_DEADLINE_MS, Math.max(MIN_DEADLINE_MS, remainingMs))
      const epoch = this.#newest.get(item.subject)?.at.epoch
      const under = epoch === undefined ? '' : `,"epoch":"${epoch}"`
      const behind = after === undefined ? '' : `,"after":${JSON.stringify(after)}`
      this.#link.sendText(
        `${item.head}${item.trace}${under}${behind},"deadlineMs":${deadlineMs}${ageMember(ageMs, item)}}`,
      )
      item.bornAt ??= Date.now()
    }
  }

  #refused(id: string, { code, message, epoch }: Rejection, retryAfterMs: number): void {
    const pending = this.#queue.refuse(id)
    if (pending === undefined) return
    const newest = this.#newest.get(pending.subject)
    if (code === 'epoch_changed' && epoch !== undefined && newest !== undefined) this.#changed({ ...newest.at, epoch })
    pending.lastRefusal = commandError(code, message, id)
    const delayMs = resendDelayMs(retryAfterMs, pending.refusals++, Math.random())
    clearTimeout(pending.retryTimer)
    pending.retryTimer = setTimeout(() => {
      this.#queue.again(id)
      this.#pump()
    }, delayMs)
    this.#pump()
  }

  #expire(id: string): void {
    this.#settle(id, ({ item, firstSentAt }) => {
      const { answer, lastRefusal: cause } = item
      const error =
        firstSentAt === undefined
          ? passingError(OUTBOX_ERRORS, 'outbox_expired', { cause, commandId: id })
          : new TidegateError('deadline_exceeded', `The command ${id} ${NO_OUTCOME_YET}`, {
              cause,
              commandId: id,
              retryable: true,
            })
      answer.reject(error)
    })
  }

  #keep(settled: SettledCommand<Pending>, answer: UntypedAnswer, position: string): void {
    const { partition, epoch } = parsePosition(position)!
    const answered: Answered = { settled, answer, at: { partition, epoch } }
    this.#newest.set(settled.subject, answered)
    const dropped = this.#kept.add(answered, settled.bytes, new Map([[partition, epoch]]), performance.now())
    for (const item of dropped) this.#forget(item)
    // Answered under an epoch that has ended meanwhile.
    this.#restore(partition, this.#epochs.get(partition) ?? epoch)
  }

  #forget(answered: Answered): void {
    const { subject } = answered.settled
    if (this.#newest.get(subject) === answered) this.#newest.delete(subject)
  }

  #changed({ partition, epoch }: LogEpoch): void {
    this.#epochs.set(partition, epoch)
    this.#restore(partition, epoch)
  }

  #restore(partition: number, epoch: string): void {
    for (const answered of this.#kept.take(partition, epoch)) {
      this.#forget(answered)
      const { settled, answer: before } = answered
      const { id, subject, head, trace, bornAt } = settled.item
      // The same command is asked for anew.
      if (this.#queue.find(id) !== undefined) continue
      const item = this.#pending({ id, subject, head, trace, bornAt, deadlineMs: COMMAND_DEADLINE_MS })
      const { entity, key, command } = JSON.parse(`${head}}`) as CommandCall
      const recovered = (now: RecoveredCommand['now']) =>
        this.#onRecovered({ commandId: id, entity, key, command, before, now })
      item.answer.promise.then(
        (answer) => {
          if (JSON.stringify(answer) !== JSON.stringify(before)) recovered({ status: 'done', answer })
        },
        (error: CommandRejected | TidegateError) => recovered({ status: 'rejected', error }),
      )
      this.#queue.restore({ ...settled, item })
    }
  }

  #settle(id: string, answer: (settled: SettledCommand<Pending>) => void): void {
    const settled = this.#queue.settle(id)
    if (settled === undefined) return
    clearTimeout(settled.item.deadline)
    clearTimeout(settled.item.retryTimer)
    answer(settled)
    if (this.#queue.size === 0) this.#onEmpty?.()
    this.#pump()
  }
}

const NO_OUTCOME_YET =
  'has no outcome yet and may still be run. Send it again under its id: it is run once, and answered.'

/** A clock that stands still while a machine sleeps and one that is set: the larger age counts. */
function ageMember(ageMs: number | undefined, { bornAt }: Pending): string {
  const age = Math.max(ageMs ?? 0, bornAt === undefined ? 0 : Date.now() - bornAt)
  return ageMs === undefined && age === 0 ? '' : `,"ageMs":${age}`
}

function rejectionOf(id: string, { code, message, path, version, epoch }: Rejection): CommandRejected | TidegateError {
  if (OF_TIDEGATE.has(code) && !VERDICTS.has(code)) return commandError(code, message, id)
  return new CommandRejected(code, message, { commandId: id, path, version, epoch })
}

/** @param code one that Tidegate gives: those of an entity make a `CommandRejected` */
function commandError(code: string, message: string, commandId: string): TidegateError {
  return new TidegateError(code as TidegateErrorCode, message, { commandId })
}
