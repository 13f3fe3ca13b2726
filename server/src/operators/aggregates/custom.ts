import type { AggregateSpec } from '../../config/contract/model.ts'
import type { Sketch } from './sketch.ts'
import { decodeItems, encodeItems } from './state-text.ts'

/** `undefined` before the first event, so that a config's state is stored only once it has content. */
type Held = { state: unknown } | undefined

/** An aggregate from the config. Its text may hold anything, and carries the declared version. */
export function custom({ version, aggregate }: Extract<AggregateSpec, { fn: 'custom' }>): Sketch<Held> {
  return {
    init: () => undefined,
    add: (held = { state: aggregate.init() }, data, time) => {
      held.state = aggregate.add(held.state, data, time)
      return held
    },
    merge: (into, from) => {
      if (from === undefined) return into
      // A merge may keep parts of its second state, which may change later: it gets a copy.
      const copy = aggregate.decode(aggregate.encode(from.state))
      if (into === undefined) return { state: copy }
      into.state = aggregate.merge(into.state, copy)
      return into
    },
    result: (held) => aggregate.result(held === undefined ? aggregate.init() : held.state),
    encode: (held) => encodeItems(version, held === undefined ? [] : [aggregate.encode(held.state)]),
    decode: (text) => {
      const [state] = decodeItems('a custom aggregate', version, text) as (string | undefined)[]
      return state === undefined ? undefined : { state: aggregate.decode(state) }
    },
  }
}
