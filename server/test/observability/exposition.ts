/** A metric as a process exports it. */
export interface Exported {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** With `_bucket`, `_sum` and `_count` of histograms. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** Reads Prometheus text. @throws on a line that is none */
export function readExposition(text: string): Map<string, Exported> {
  const metrics = new Map<string, Exported & { samples: Sample[] }>()
  let current: (Exported & { samples: Sample[] }) | undefined
  for (const line of text.split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      current = { name: name!, type: '', help: rest!, samples: [] }
      metrics.set(name!, current)
    } else if (kind === 'TYPE') {
      current = { ...current!, type: rest! }
      metrics.set(name!, current)
    } else if (line !== '') {
      const [, sample, labels = '', value] = SAMPLE.exec(line) ?? []
      if (sample === undefined || current === undefined || !sample.startsWith(current.name)) throw new Error(line)
      const named = Object.fromEntries([...labels.matchAll(LABEL)].map(([, label, text]) => [label!, text!]))
      current.samples.push({ name: sample, labels: named, value: Number(value) })
    }
  }
  return metrics
}
