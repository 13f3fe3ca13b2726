import type { WireReader, WireSubscription } from './wire-subscription.ts'

/** The reader with the most unread. One that is alone holds back nobody: the window alone governs it. */
export function readerToPause(wires: Iterable<WireSubscription>): WireReader | undefined {
  let count = 0
  let most: WireReader | undefined
  for (const { readers, isPaused } of wires) {
    count += readers.length
    if (isPaused) continue
    for (const reader of readers) if (reader.unreadBytes > (most?.unreadBytes ?? 0)) most = reader
  }
  return count > 1 ? most : undefined
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
