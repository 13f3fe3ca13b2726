import type { TraceContext } from '@tidegate/protocol'
import type { Caller } from '../access/index.ts'
import type { CommandOutcome, ExpectedVersion } from '../entities/index.ts'

/** A command as a client sends it. Nothing of it but the form of its fields has been checked. */
export interface CommandRequest {
  /** Among those of its caller. */
  readonly id: string
  readonly entity: string
  readonly key: string
  readonly command: string
  /** Who sends it. */
  readonly caller: Caller
  readonly input: unknown
  readonly expected?: ExpectedVersion | undefined
  /** The epoch that the log must have when it is stored; absent for any. */
  readonly epoch?: string | undefined
  /** Asked when it is about to be stored: whether what it is to run behind is to be sent again. */
  readonly overtakes?: (() => boolean) | undefined
  /** How long the client waits for the outcome. */
  readonly deadlineMs?: number | undefined
  /** Since the first attempt; absent on that. */
  readonly ageMs?: number | undefined
  /** Where it comes from. No part of the content. */
  readonly trace?: TraceContext | undefined
}

export type CommandRefusal = Extract<CommandOutcome, { status: 'rejected' }>

export function refuse(code: string, message: string, retryAfterMs?: number): CommandRefusal {
  return retryAfterMs === undefined
    ? { status: 'rejected', code, message }
    : { status: 'rejected', code, message, retryAfterMs }
}

/** Its predecessor is to be sent again first. */
export function outOfOrder(): CommandRefusal {
  const message = 'A command that this one is to run behind is to be sent again: send that first, and then this one.'
  return refuse('out_of_order', message, 0)
}

/** The same with the present epoch of the log, where that is known. */
export function withEpoch(refusal: CommandRefusal, epoch: string | undefined): CommandRefusal {
  return epoch === undefined ? refusal : { ...refusal, epoch }
}
