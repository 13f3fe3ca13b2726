import type { ServerFrame } from '@tidegate/protocol'
import { has, isAbsentOr, isDelay, isNumber, isRecord, isText } from './checks.ts'
import type { FrameChecks } from './part.ts'

/**
 * Reads what the client relies on; `undefined` for text that no Tidegate server sends. Frames of types without a check
 * are taken.
 */
export function readServerFrame(text: string, checks: FrameChecks): ServerFrame | undefined {
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(frame) || !isText(frame.type)) return undefined
  const isWhole = Object.hasOwn(checks, frame.type) ? checks[frame.type as ServerFrame['type']]!(frame) : true
  return isWhole ? (frame as unknown as ServerFrame) : undefined
}

export const isGrant = has({ frames: isNumber, bytes: isNumber })

/** Frames that concern the connection itself. */
export const CONNECTION_CHECKS: FrameChecks = {
  welcome: has({
    time: isNumber,
    publish: isGrant,
    pingMs: (value) => isDelay(value) && value > 0,
    sequence: isAbsentOr(isText),
    expiresInMs: isAbsentOr(isNumber),
  }),
  authorized: has({ expiresInMs: isAbsentOr(isNumber) }),
  ping: has({ time: isNumber }),
  bus: has({ class: isText, state: isText }),
  error: has({
    code: isText,
    message: isText,
    id: isAbsentOr(isNumber),
    sub: isAbsentOr(isNumber),
    retryAfterMs: isAbsentOr(isDelay),
  }),
  drain: has({ reconnectInMs: isDelay }),
}
