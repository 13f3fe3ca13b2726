import type { Mark } from '../../bus/index.ts'
import type { Part, Withheld } from '../wire/index.ts'

/**
 * One lane of one (subscription, topic, partition), the unit of order: its events and gaps are queued and sent in log
 * order.
 */
export interface FeedLane {
  readonly partition: number
  readonly part: Part
  /**
   * Everything up to here has left the queue: handed to the socket, withheld in favour of later events, or counted in a
   * gap.
   */
  taken: Mark
  /** Epoch of the newest thing offered. */
  epoch: string
  /** Runs and gaps that have not been handed to the socket. */
  waiting: number
  /**
   * Events withheld behind everything that waits. They are reported with the next frame that moves the subscriber's
   * position beyond them, so that each counts once whatever the connection does.
   */
  readonly trailing: Withheld
}
