const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const decimals = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 })

/** A measured value: two decimals at most, none from ten thousand on. */
export function formatValue(value: number): string {
  return Math.abs(value) >= 10_000 ? whole.format(value) : decimals.format(value)
}

/** A number of things. */
export function formatCount(count: number): string {
  return count < 1_000_000 ? whole.format(count) : compact.format(count)
}

/** Events per second. */
export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? formatCount(perSecond) : perSecond.toFixed(1)
}

/** A number beside an axis, where room is short. */
export function formatTick(value: number): string {
  return compact.format(value)
}

/** Local time of an event or a window, to the second, the minute or the day: as exact as multiples of `stepMs` need. */
export function formatTime(ms: number, stepMs = 1): string {
  const date = new Date(ms)
  const day = date.toLocaleDateString('en', { month: 'short', day: 'numeric' })
  if (stepMs % 86_400_000 === 0) return day
  const parts = [date.getHours(), date.getMinutes(), ...(stepMs % 60_000 === 0 ? [] : [date.getSeconds()])]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

/** The same with the day, for what may be of long ago. */
export function formatDateTime(ms: number): string {
  return `${formatTime(ms, 86_400_000)}, ${formatTime(ms)}`
}

const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1_000, name: 's' },
] as const

/** A duration in the largest unit that divides it: `10 s`, `90 min`, `250 ms`. */
export function formatDuration(ms: number): string {
  const unit = UNITS.find((candidate) => ms % candidate.ms === 0)
  return unit === undefined ? `${ms} ms` : `${ms / unit.ms} ${unit.name}`
}
