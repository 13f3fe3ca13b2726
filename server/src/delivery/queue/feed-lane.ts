import type { Mark } from '../../bus/index.ts'
import type { Part, Withheld } from '../wire/index.ts'

/** One lane of one (subscription, topic, partition), the unit of order: its events are queued, delivered and told of in log order. */
export interface FeedLane {
  readonly partition: number
  readonly part: Part
  /** Everything up to here has left the queue: it was handed to the socket, withheld in favour of later ones, or counted in a gap. */
  taken: Mark
  /** Epoch of the newest thing offered. */
  epoch: string
  /** Runs and gaps that have not been handed to the socket. */
  waiting: number
  /** Withheld behind everything that waits: told with what moves the subscriber's position beyond it, so that it counts once whatever the connection does. */
  readonly trailing: Withheld
}
