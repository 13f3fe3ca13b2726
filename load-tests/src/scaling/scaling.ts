import type { Benchmark, Figures } from '../support/benchmark.ts'
import type { Spread } from './deployment.ts'
import { measureSpread, type SpreadCost } from './measure-spread.ts'

const BASE: Spread = { masters: 1, workers: 2, readers: 1 }
/** One quantity grows, the other stays. */
const SPREADS: Readonly<Record<string, readonly Spread[]>> = {
  masters: [1, 2, 3].map((masters) => ({ ...BASE, masters })),
  workers: [1, 2, 4].map((workers) => ({ ...BASE, workers })),
  readers: [1, 3].map((readers) => ({ ...BASE, readers })),
}
/** Costs that differ by less than this share are the same: these machines drift. */
const FLAT = 0.2

export const scaling: Benchmark = {
  description:
    'CPU of all processes for a million events, with 1, 2 and 3 masters of a Redis Cluster, with 1, 2 and 4 workers, and with 1 and 3 gateways that read everything',
  control: 'none: each spread is compared with the others',
  notMeasured:
    'what the processes use while idle, which is apart; replicas; networks other than loopback; clients and servers share the cores',
  parts: Object.keys(SPREADS),
  async run(progress, { parts = Object.keys(SPREADS) }) {
    const known = new Map<string, SpreadCost>()
    const costOf = async (spread: Spread) => {
      const name = nameOf(spread)
      const cost = known.get(name) ?? (await measureSpread(spread, (line) => progress(`${name}: ${line}`)))
      if (!known.has(name)) progress(`${name}: ${JSON.stringify(cost)}`)
      known.set(name, cost)
      return cost
    }
    const figures: Record<string, Figures> = {}
    for (const part of parts) {
      const points: Record<string, Figures> = {}
      for (const spread of SPREADS[part]!) points[spread[part as keyof Spread]] = { ...(await costOf(spread)) }
      // Each further reader reads everything again.
      const isShared = part !== 'readers'
      figures[part] = { points, ...(isShared && verdict(SPREADS[part]!.map((spread) => known.get(nameOf(spread))!))) }
    }
    return figures
  },
}

const nameOf = ({ masters, workers, readers }: Spread) =>
  `${masters} masters, ${workers} workers, ${readers} gateways that read`

function verdict(costs: readonly SpreadCost[]): { readonly flat: boolean; readonly spread: number } {
  const totals = costs.map(({ cpuSeconds }) => cpuSeconds.total)
  const spread = Math.round((Math.max(...totals) / Math.min(...totals)) * 100) / 100
  return { flat: spread <= 1 + FLAT, spread }
}
