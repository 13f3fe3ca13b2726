import type { ErrorCode, EventInput, TraceContext } from '@tidegate/protocol'

/** One item of a request body: an event with the topic it names, or what is wrong with its envelope. */
export type RequestItem = RequestEvent | RefusedItem

export interface RequestEvent {
  readonly kind: 'event'
  readonly topic: string
  readonly event: EventInput
  /** Where it comes from, if it says so itself. */
  readonly trace?: TraceContext | undefined
}

export interface RefusedItem {
  readonly kind: 'refused'
  readonly code: ErrorCode
  readonly message: string
  readonly path?: string
}

export function refused(code: ErrorCode, message: string, path?: string): RefusedItem {
  return path === undefined ? { kind: 'refused', code, message } : { kind: 'refused', code, message, path }
}
