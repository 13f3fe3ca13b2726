/** A connection as seen by who has to find room. */
export interface Silent {
  /** Of its client, as limits count it. */
  readonly address: string
  /** Since when nothing whole has come of it, on the monotonic clock. */
  readonly heardAt: number
}

/** Clients that live are heard of more often: they answer pings. Half of that is enough where memory is short. */
const SILENT_MS = 10_000
/** Ended at a time: enough to free memory faster than a network brings it. */
const MOST = 256

/**
 * Whom to end while the memory of the process is over its limit: of the address with the most silent connections, those
 * that were silent the longest. A frame that never ends is kept by the transport and counted nowhere else, and a
 * connection in the middle of one says nothing. Pure.
 */
export function silentOnes<Connection extends Silent>(connections: Iterable<Connection>, now: number): Connection[] {
  const byAddress = new Map<string, Connection[]>()
  let most: Connection[] = []
  for (const connection of connections) {
    if (now - connection.heardAt < SILENT_MS) continue
    const ofAddress = byAddress.get(connection.address) ?? []
    byAddress.set(connection.address, ofAddress)
    ofAddress.push(connection)
    if (ofAddress.length > most.length) most = ofAddress
  }
  return most.sort((a, b) => a.heardAt - b.heardAt).slice(0, MOST)
}
