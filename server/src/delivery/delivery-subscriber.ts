import type { ServerFrame } from '@tidegate/protocol'
import type { Rights } from '../access/index.ts'
import type { Ledger } from './queue/index.ts'
import type { SubscribeFrame } from './subscription/index.ts'
import type { EncodedFrame } from './wire/index.ts'

/** One connected client, as the gateway sees it. */
export interface DeliverySubscriber {
  /**
   * Answers with `subscribed` or `error`, in order with the events. For an open `sub` it changes the options. The
   * caller MUST have checked the types of all fields.
   */
  subscribe(frame: SubscribeFrame): void
  unsubscribe(sub: number): void
  /** Subscriptions that would show something else under these rights end with `rights_changed`. */
  setRights(rights: Rights): void
  /** Fates of a subscription's matched events so far; `undefined` if there is no subscription of that number. */
  ledger(sub: number): Readonly<Ledger> | undefined
  /**
   * @param bytes of all frames consumed since the connection opened, `welcome` and every other frame included
   * @param subs subscriptions that pause (0) or continue (`null`); numbers of none are passed over
   */
  credit(bytes: number, subs?: Readonly<Record<string, 0 | null>>): void
  /** The transport's buffer has drained. */
  drained(): void
  /** Writes any other server frame at once, ahead of what is queued; its bytes count as in flight. */
  sendControl(frame: ServerFrame): void
  /** The same of several, in as few writes as possible. */
  sendControls(frames: readonly (ServerFrame | EncodedFrame)[]): void
  /** Ends it without closing the socket. Idempotent. */
  close(): void
}
