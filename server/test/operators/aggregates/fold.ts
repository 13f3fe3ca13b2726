import type { AggregateSpec } from '../../../src/config/contract/model.ts'
import { type Accumulator, AggregateSet } from '../../../src/operators/index.ts'

/** One aggregate, named `a`, of the field `v`. */
export function setOf(spec: AggregateSpec): AggregateSet {
  return new AggregateSet({ a: spec })
}

/** @param values of the field `v`; an event a second unless a time is given beside the value. */
export function fold(set: AggregateSet, values: readonly unknown[], times?: readonly number[]): Accumulator {
  const state = set.create()
  values.forEach((v, n) => void set.add(state, { v }, times?.[n] ?? n * 1_000))
  return state
}

export function resultOf(spec: AggregateSpec, values: readonly unknown[], times?: readonly number[]): unknown {
  const set = setOf(spec)
  return set.result(fold(set, values, times)).a
}

/** The state of values dealt to `parts` states that are merged two by two and stored in between. */
export function mergedParts(set: AggregateSet, parts: number, values: readonly unknown[]): Accumulator {
  const dealt = Array.from({ length: parts }, () => set.create())
  values.forEach((v, n) => void set.add(dealt[n % parts]!, { v }, n))
  while (dealt.length > 1) {
    const into = set.decode(set.encode(dealt.shift()!))
    set.merge(into, dealt.shift()!)
    dealt.push(into)
  }
  return dealt[0]!
}
