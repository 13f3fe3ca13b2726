import type { Benchmark, Figures } from '../support/benchmark.ts'
import type { Spread } from './deployment.ts'
import { measureSpreads, type SpreadCost } from './measure-spread.ts'

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
    const figures: Record<string, Figures> = {}
    for (const part of parts) {
      const spreads = SPREADS[part]!
      const costs = await measureSpreads(spreads, (spread, line) => progress(`${nameOf(spread)}: ${line}`))
      const points = costs.map((cost, i): [number, Figures] => [spreads[i]![part as keyof Spread], { ...cost }])
      // Each further reader reads everything again.
      const isShared = part !== 'readers'
      figures[part] = { points: Object.fromEntries(points), ...(isShared && verdict(costs)) }
      progress(`${part}: ${JSON.stringify(figures[part])}`)
    }
    return figures
  },
}

const nameOf = ({ masters, workers, readers }: Spread) =>
  `${masters} masters, ${workers} workers, ${readers} gateways that read`

function verdict(costs: readonly SpreadCost[]): { readonly flat: boolean; readonly spread: number } {
  const beside = costs.map(({ besideFirst }) => besideFirst)
  const spread = Math.round((Math.max(...beside) / Math.min(...beside)) * 100) / 100
  return { flat: spread <= 1 + FLAT, spread }
}
