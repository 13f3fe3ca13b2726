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

/** How long something lasts or lies back: `0.4 s`, `12 s`, `3 min`, `5 h`. */
export function formatAge(ms: number): string {
  const seconds = ms / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}

/** A short time: `0.4 ms`, `12 ms`, `2.5 s`. */
export function formatLatency(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `512 B`, `3.4 KiB`, `120 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1_024 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`
}
