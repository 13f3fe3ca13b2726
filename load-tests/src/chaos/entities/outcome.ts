import { type CommandAnswer, CommandRejected, TidegateError } from '@tidegate/client/node'

/** The outcome of a command as its client got it. */
export type Outcome =
  | {
      readonly kind: 'done'
      readonly version: number
      readonly epoch: string
      readonly events: number
      /** Events and reply, to be compared word for word. */
      readonly text: string
    }
  | { readonly kind: 'rejected'; readonly epoch: string | undefined; readonly text: string }
  /** Tidegate's own code instead of an outcome. `isFinal`: to ask again would not help. */
  | { readonly kind: 'none'; readonly code: string; readonly isFinal: boolean }

type AnyAnswer = CommandAnswer<{ readonly type: string; readonly data: unknown }>

export function doneOf({ version, epoch, events, reply }: AnyAnswer): Outcome {
  return { kind: 'done', version, epoch, events: events.length, text: JSON.stringify({ version, events, reply }) }
}

export function failureOf(error: unknown): Outcome {
  if (error instanceof CommandRejected) {
    const { code, message, version, epoch } = error
    return { kind: 'rejected', epoch, text: JSON.stringify({ code, message, version }) }
  }
  if (error instanceof TidegateError) return { kind: 'none', code: error.code, isFinal: !error.retryable }
  return { kind: 'none', code: String(error), isFinal: true }
}

export function isSame(a: Outcome, b: Outcome): boolean {
  return a.kind !== 'none' && a.kind === b.kind && a.text === b.text && a.epoch === b.epoch
}

export function describe(outcome: Outcome): string {
  return outcome.kind === 'none' ? outcome.code : `${outcome.kind} ${outcome.text} @${outcome.epoch}`
}
