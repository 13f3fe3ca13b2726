interface Row {
  readonly scenario: string
  readonly seed: number
  readonly faults: readonly string[]
  readonly missed: readonly string[]
}

/** Results as a table, one line each, and below it what was missed. */
export function table<R extends Row>(results: readonly R[], columns: readonly (keyof R & string)[]): string {
  const rows = [[...columns], ...results.map((result) => columns.map((column) => cell(result[column])))]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const lines = rows.map((row) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  '),
  )
  const notes = results.flatMap(({ scenario, seed, faults, missed }) =>
    [...faults, ...missed].map((note) => `${scenario} (seed ${seed}): ${note}`),
  )
  return [...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')
}

function cell(value: unknown): string {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'ok' : 'NOT OK'
  if (typeof value !== 'object') return String(value)
  const counts = Object.entries(value).map(([name, count]) => `${name} ${count}`)
  return counts.length === 0 ? '-' : counts.join(', ')
}
