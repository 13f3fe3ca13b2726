import type { Ledger } from '../queue/ledger.ts'
import type { SubscribeFrame } from '../subscription/subscription-plan.ts'

/** The connection a session writes to. The gateway wraps its transport in it. */
export interface DeliverySocket {
  /**
   * Writes one text frame. The buffer is used again afterwards: an implementation MUST copy what it does not write at
   * once. `dropped` means the frame will not arrive; `buffered` that it is accepted but waits in this process.
   */
  send(frame: Buffer): 'sent' | 'buffered' | 'dropped'
  /** Bytes accepted and not yet given to the kernel. */
  bufferedBytes(): number
  /** MUST be safe to call more than once. */
  close(code: number, reason: string): void
}

/** One connected client as delivery sees it. */
export interface DeliverySession {
  /** Answers with `subscribed` or `error`, in order with the events; for a `sub` that is open, changes its options. The caller MUST have checked the types of all fields. */
  subscribe(frame: SubscribeFrame): void
  unsubscribe(sub: number): void
  /** Fates of what matched a subscription so far, or `undefined` if there is none of that number. */
  ledger(sub: number): Readonly<Ledger> | undefined
  /** @param bytes of all frames consumed since the connection opened, `welcome` and every other frame included */
  credit(bytes: number): void
  /** The transport's buffer has drained. */
  drained(): void
  /** Writes any other server frame at once, ahead of what is queued; its bytes count as in flight. */
  sendControl(frame: object): void
  /** Ends the session without closing the socket. Idempotent. */
  close(): void
}
