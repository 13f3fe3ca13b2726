import { Agenda } from './agenda.ts'
import type { Actor, DemoEvent } from './demo-event.ts'
import { createRandom, uniform } from './random.ts'
import { sensor } from './sensor.ts'
import { shop } from './shop.ts'

const SENSORS = 20

type Due = { readonly kind: 'actor'; readonly actor: Actor } | { readonly kind: 'event'; readonly event: DemoEvent }

/**
 * The events of a small world without end, in the order they are sent: 20 sensors and a shop.
 *
 * @param seed any integer; the same seed and start time give the same events.
 * @param startTime ms since 1970. It also marks ids, so that two runs never reuse an order's id.
 */
export function* demoEvents(seed: number, startTime: number): Generator<DemoEvent, never> {
  const run = startTime.toString(36)
  const stream = (index: number) => createRandom(seed, index)
  const sensors = Array.from({ length: SENSORS }, (_, index) => sensor(index, run, startTime, stream(index)))
  const actors = [...sensors, ...shop(run, { signUps: stream(SENSORS), orders: stream(SENSORS + 1) })]

  const agenda = new Agenda<Due>()
  const begin = stream(SENSORS + 2)
  for (const actor of actors) agenda.add(startTime + uniform(begin, 0, 1_000), { kind: 'actor', actor })
  for (;;) {
    // Every actor always has a next time, so the agenda never runs empty.
    const { atMs, item } = agenda.next()!
    if (item.kind === 'event') {
      yield item.event
    } else {
      const { nextAtMs, sent } = item.actor.act(atMs)
      agenda.add(nextAtMs, item)
      for (const event of sent) agenda.add(event.atMs, { kind: 'event', event })
    }
  }
}
