import type { Figures } from '../../support/benchmark.ts'
import { headlineOf } from '../page.ts'
import { figureAt, type Result } from '../result.ts'
import { textOf } from '../tables.ts'
import { type Bar, bars } from './bars.ts'
import { lines, type Series } from './lines.ts'

export interface Plot {
  readonly caption: string
  /** Inline SVG. */
  readonly svg: string
}

type Group = Readonly<Record<string, Figures>>

/** The plots of a benchmark: of its own kind, or its headline beside its control. */
export function plotsOf(result: Result): Plot[] {
  switch (result.benchmark) {
    case 'growth':
      return Object.entries(result.figures).flatMap(([axis, figures]) => growthPlot(axis, figures))
    case 'latency':
      return Object.entries(result.figures).flatMap(([rate, subjects]) => latencyPlot(rate, subjects))
    case 'peers':
      return Object.entries(PEER_FIGURES).flatMap(([workload, figure]) => peersPlot(result.figures, workload, figure))
    case 'soak':
      return soakPlots(result.figures)
    default:
      return headlinePlot(result)
  }
}

/** How much of its control each benchmark reaches, of those in which more is better. */
export function overviewPlot(results: readonly Result[]): Plot[] {
  const rows = results.flatMap((result): Bar[] => {
    const { ratio, control, better } = headlineOf(result)
    return ratio === undefined || control === undefined || better === 'less'
      ? []
      : [{ name: result.benchmark, value: ratio, isOwn: true }]
  })
  if (rows.length === 0) return []
  const caption = 'Share of what the bare control reaches; more is better'
  return [{ caption, svg: bars(caption, rows, { value: 1, name: 'control' }) }]
}

function headlinePlot(result: Result): Plot[] {
  const { says, own, control, better } = headlineOf(result)
  if (own === undefined || control === undefined) return []
  const caption = `${says}; ${better} is better`
  const rows = [
    { name: 'Tidegate', value: own, isOwn: true },
    { name: 'control', value: control, isOwn: false },
  ]
  return [{ caption, svg: bars(`${result.benchmark}: ${caption}`, rows) }]
}

function latencyPlot(rate: string, subjects: Figures): Plot[] {
  if (!isGroup(subjects)) return []
  const rows = ['p50Ms', 'p99Ms'].flatMap((percentile) =>
    Object.entries(subjects).flatMap(([name, figures]): Bar[] => {
      const value = figureAt(figures, percentile)
      return typeof value === 'number' ? [{ name: `${percentile} ${name}`, value, isOwn: name === 'tidegate' }] : []
    }),
  )
  const caption = `ms from publish to delivery, ${rate.replace('at', '')} events/s; less is better`
  return [{ caption, svg: bars(`latency: ${caption}`, rows) }]
}

/** Of each workload among peers, the figure that is looked at first. */
const PEER_FIGURES = {
  'publish-one': 'eventsPerSec',
  'publish-hundred': 'eventsPerSec',
  'publish-half': 'ackP99Ms',
  'fanout-one': 'cpuMicrosPerDelivery',
  'fanout-thirty': 'deliveriesPerSec',
  latency: 'p99Ms',
  stalled: 'healthyP99Ms',
  'bus-kill': 'ackedButLost',
  idle: 'rssMb',
}

function peersPlot(figures: Group, workload: string, figure: string): Plot[] {
  const subjects = figures[workload]
  if (!isGroup(subjects)) return []
  const rows = Object.entries(subjects).flatMap(([name, own]): Bar[] => {
    const value = figureAt(own, figure)
    return typeof value === 'number' ? [{ name, value, isOwn: name === 'tidegate' }] : []
  })
  const caption = `${workload}: ${figure}`
  return rows.length === 0 ? [] : [{ caption, svg: bars(`peers, ${caption}`, rows) }]
}

function growthPlot(axis: string, figures: Figures): Plot[] {
  const points = figureAt(figures, 'points')
  const flat = figureAt(figures, 'flat')
  if (!isGroup(points) || !isGroup(flat)) return []
  const series = Object.keys(flat).map((process): Series => {
    const values = Object.values(points).map((point) => figureAt(point, process))
    return { name: process, values: values.map((value) => (typeof value === 'number' ? value : undefined)) }
  })
  const per = `${figureAt(figures, 'per')}`
  const caption = `CPU for each ${per}, by ${axis}`
  const unit = `us/${per}`
  const label = `growth: ${caption}`
  return [
    {
      caption,
      svg: lines({
        label,
        unit,
        places: Object.keys(points).map((value) => textOf(Number(value))),
        series,
        hasPoints: true,
      }),
    },
  ]
}

/** What a soak samples: the end of its name, and how it is called in a plot. */
const SAMPLED = {
  HeapMb: ['Heap in use', 'MB'],
  ResidentMb: ['Resident memory', 'MB'],
  redisMb: ['Memory of Redis', 'MB'],
  Handles: ['Handles', 'handles'],
  Files: ['Open files', 'files'],
} as const

function soakPlots({ samples, sampleSeconds }: Group): Plot[] {
  if (!isGroup(samples) || typeof sampleSeconds !== 'number') return []
  return Object.entries(SAMPLED).flatMap(([kind, [caption, unit]]) => {
    const series = Object.entries(samples).flatMap(([name, values]): Series[] =>
      name.endsWith(kind) && Array.isArray(values) ? [{ name: name.slice(0, -kind.length) || 'redis', values }] : [],
    )
    const count = series[0]?.values.length ?? 0
    const places = Array.from({ length: count }, (_, i) => `${Math.round((i * sampleSeconds) / 6) / 10} min`)
    const svg = () => lines({ label: `soak: ${caption}`, unit, places, series, hasPoints: false })
    return count === 0 ? [] : [{ caption, svg: svg() }]
  })
}

function isGroup(figures: Figures | undefined): figures is Group {
  return typeof figures === 'object' && !Array.isArray(figures)
}
