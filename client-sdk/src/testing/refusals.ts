import { CLOSE, type ClientFrame, ERROR_CODES, type ServerFrame } from '@tidegate/protocol'

/** Frames that can be refused. */
export type RefusableFrame = 'hello' | 'publish' | 'subscribe' | 'query' | 'command'

type Frame<Type extends RefusableFrame> = Extract<ClientFrame, { type: Type }>

export interface Refusal<Type extends RefusableFrame = RefusableFrame> {
  /** An error code, or one that an entity declares. */
  readonly code: string
  readonly message?: string
  /** The client sends the frame again after this time. Absent: the refusal is final. */
  readonly retryAfterMs?: number
  /** How many frames are refused; absent: all until the refusal ends. */
  readonly times?: number
  /** Which frames are refused; absent: all of the type. */
  readonly when?: (frame: Frame<Type>) => boolean
}

interface Rule {
  readonly type: RefusableFrame
  readonly refusal: Refusal
  left: number
}

/** How a socket refuses a frame: it sends an answer, and may be closed after it. */
export interface RefusedFrame {
  readonly answer: ServerFrame
  readonly close?: { readonly code: number; readonly reason: string }
}

/** Which frames are refused instead of passed on. The newest refusal comes first. */
export class Refusals {
  #rules: Rule[] = []
  /**
   * Publish frames that are refused again if they come again: their answer may be lost, and stored later ones would make
   * them look like duplicates.
   */
  readonly #forGood = new Map<string, Refusal>()

  get isEmpty(): boolean {
    return this.#rules.length === 0 && this.#forGood.size === 0
  }

  /** Returns what ends the refusal. */
  add<Type extends RefusableFrame>(type: Type, refusal: Refusal<Type>): () => void {
    const rule: Rule = { type, refusal: refusal as unknown as Refusal, left: refusal.times ?? Number.POSITIVE_INFINITY }
    this.#rules.unshift(rule)
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule)
    }
  }

  judge(frame: ClientFrame): RefusedFrame | undefined {
    const again = frame.type === 'publish' ? this.#forGood.get(contentOf(frame)) : undefined
    const rule = this.#rules.find(
      ({ type, refusal, left }) =>
        type === frame.type && left > 0 && (refusal.when?.(frame as Frame<RefusableFrame>) ?? true),
    )
    const refusal = again ?? rule?.refusal
    if (refusal === undefined) return undefined
    if (again === undefined) rule!.left--
    if (frame.type === 'publish' && refusal.retryAfterMs === undefined) this.#forGood.set(contentOf(frame), refusal)
    return refused(frame as Frame<RefusableFrame>, refusal)
  }
}

/** What all attempts of a frame have in common: its events have ids. */
function contentOf({ seq, topic, events }: Frame<'publish'>): string {
  return JSON.stringify([seq, topic, events])
}

function refused(frame: Frame<RefusableFrame>, { code, message, retryAfterMs }: Refusal): RefusedFrame {
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs }
  // Codes of entities are no error codes.
  const failure = { code: code as never, message: message ?? textOf(code), ...retry }
  const retryable = retryAfterMs !== undefined
  switch (frame.type) {
    case 'publish':
      return { answer: { type: 'reject', seq: frame.seq, ...failure } }
    case 'command':
      return { answer: { type: 'answer', id: frame.id, status: 'rejected', ...failure } }
    case 'subscribe':
      return { answer: { type: 'error', sub: frame.sub, retryable, ...failure } }
    case 'query':
      return { answer: { type: 'error', id: frame.id, retryable, ...failure } }
    case 'hello':
      return {
        answer: { type: 'error', retryable, ...failure },
        close: { code: closeCode(code, retryable), reason: retryable ? JSON.stringify({ retryAfterMs }) : code },
      }
  }
}

function textOf(code: string): string {
  return Object.hasOwn(ERROR_CODES, code) ? ERROR_CODES[code as keyof typeof ERROR_CODES] : code
}

function closeCode(code: string, retryable: boolean): number {
  if (code === 'unauthorized') return CLOSE.unauthorized
  if (code === 'version_unsupported') return CLOSE.version
  return retryable ? CLOSE.overload : CLOSE.protocol
}
