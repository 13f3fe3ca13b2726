import type { AggregateSpec, WindowSpec } from './model.ts'

/** A spec as data alone: a custom aggregate is what its version stands for. */
export function plainSpec(spec: WindowSpec): WindowSpec & { readonly aggregate: Readonly<Record<string, object>> } {
  const aggregate = Object.entries(spec.aggregate).map(([name, declared]) => [name, plainAggregate(declared)])
  return { ...spec, aggregate: Object.fromEntries(aggregate) }
}

function plainAggregate(spec: AggregateSpec): object {
  return spec.fn === 'custom' ? { fn: spec.fn, version: spec.version } : spec
}
