import { type Reading, readingOf } from './reading.ts'

/** Events that a server sends to its subscribers. */
export interface Feed {
  readonly eventsPerTick: number
  readonly tickMs: number
}

/** Gives readings as often as a feed says, however late a timer is. Returns a function that ends it. */
export function startFeed({ eventsPerTick, tickMs }: Feed, send: (readings: readonly Reading[]) => void): () => void {
  const startedAt = performance.now()
  let ticks = 0
  let n = 0
  const timer = setInterval(() => {
    for (const due = (performance.now() - startedAt) / tickMs; ticks < due; ticks++)
      send(Array.from({ length: eventsPerTick }, () => readingOf(n++)))
  }, tickMs)
  return () => clearInterval(timer)
}

/** In a server: begins the feed that its parent asks for, in place of the one before; `stop` asks for none. */
export function feedOnRequest(send: (readings: readonly Reading[]) => void): void {
  let stop = () => {}
  process.on('message', (feed: Feed | 'stop') => {
    stop()
    stop = feed === 'stop' ? () => {} : startFeed(feed, send)
  })
  process.once('disconnect', () => process.exit(0))
}
