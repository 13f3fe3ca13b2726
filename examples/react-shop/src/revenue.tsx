import { amountText, countText, minuteText } from './format.ts'
import { useWindow } from './tidegate.ts'

const MINUTE_MS = 60_000
const SHOWN_MINUTES = 30
/** In the units of the drawing. */
const WIDTH = 640
const HEIGHT = 160
const STEP = WIDTH / SHOWN_MINUTES

/** Revenue per minute: the minutes of the past, then each one as it closes, and again when late payments revise it. */
export function Revenue() {
  const { data: minutes, status, error } = useWindow('commerce.revenue_1m', { limit: SHOWN_MINUTES })
  const newest = minutes.at(-1)
  return (
    <section className="revenue" aria-label="Revenue per minute" data-status={status}>
      <h2>Revenue per minute</h2>
      {newest === undefined ? (
        <p className="muted">{error?.message ?? 'The first minute closes a few seconds after it is over.'}</p>
      ) : (
        <p>
          <strong data-value="revenue">{amountText(newest.value.revenue)}</strong>
          <span className="muted">
            {countText(newest.value.payments)} payments from {minuteText(newest.start)} to {minuteText(newest.end)}
          </span>
        </p>
      )}
      <Bars minutes={minutes} endMs={newest?.end ?? 0} />
    </section>
  )
}

interface Minute {
  readonly start: number
  readonly value: { readonly revenue: number }
}

function Bars({ minutes, endMs }: { readonly minutes: readonly Minute[]; readonly endMs: number }) {
  const highest = Math.max(1, ...minutes.map(({ value }) => value.revenue))
  const startMs = endMs - SHOWN_MINUTES * MINUTE_MS
  const shown = minutes.filter(({ start }) => start >= startMs)
  return (
    <>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Bars, one for each minute"
      >
        {shown.map(({ start, value: { revenue } }) => {
          const height = (revenue / highest) * HEIGHT
          const x = ((start - startMs) / MINUTE_MS) * STEP
          return (
            <rect key={start} x={x + 2} y={HEIGHT - height} width={STEP - 4} height={height} data-minute={start}>
              <title>{`${minuteText(start)}: ${amountText(revenue)}`}</title>
            </rect>
          )
        })}
      </svg>
      <p className="axis muted">
        <span>{endMs > 0 && minuteText(startMs)}</span>
        <span>{minutes.length > 0 && `highest ${amountText(highest)}`}</span>
        <span>{endMs > 0 && minuteText(endMs)}</span>
      </p>
    </>
  )
}
