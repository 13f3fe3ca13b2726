import type { WireReader, WireSubscription } from './wire-subscription.ts'

/** Share of the window that may be unread before something is paused: the rest is for what is read. */
const UNREAD_SHARE = 1 / 2

/**
 * The reader with the most unread, if all together hold back too much of the window. One that is alone holds back nobody:
 * the window alone governs it.
 */
export function readerToPause(wires: Iterable<WireSubscription>, windowBytes: number): WireReader | undefined {
  let count = 0
  let unread = 0
  let most: WireReader | undefined
  for (const { readers, isPaused } of wires) {
    count += readers.length
    if (isPaused) continue
    for (const reader of readers) {
      unread += reader.unreadBytes
      if (reader.unreadBytes > (most?.unreadBytes ?? 0)) most = reader
    }
  }
  return count > 1 && unread > windowBytes * UNREAD_SHARE ? most : undefined
}

/** Two wire subscriptions that would get the same from here on, the older one first. */
export function twinsOf(wires: Iterable<WireSubscription>): readonly [WireSubscription, WireSubscription] | undefined {
  const first = new Map<string | undefined, WireSubscription>()
  for (const wire of wires) {
    const { sharing } = wire
    const twin = sharing && first.get(sharing)
    if (!twin) first.set(sharing, wire)
    else if (wire.isSteady && twin.isSteady && wire.received.equals(twin.received)) return [twin, wire]
  }
  return undefined
}
