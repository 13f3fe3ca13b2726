import { WebSocket } from 'ws'
import { createRandom } from '../support/random.ts'

/**
 * A WebSocket class that sends a share of publish frames twice, as a network that loses acks makes a client do. Counts
 * what it repeated.
 */
export function repeatingSocket(seed: number, share: number): { WebSocket: typeof WebSocket; repeated: () => number } {
  const random = createRandom(seed)
  let repeated = 0
  class RepeatingWebSocket extends WebSocket {
    override send(data: string | Buffer): void {
      super.send(data)
      if (!String(data).startsWith('{"type":"publish"') || random() >= share) return
      repeated++
      super.send(data)
    }
  }
  return { WebSocket: RepeatingWebSocket as typeof WebSocket, repeated: () => repeated }
}
