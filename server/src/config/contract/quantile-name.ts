/**
 * Field of a pane that holds a quantile: `p` and its decimals, two at least: 0.5 is `p50`, 0.99 `p99`, 0.999 `p999`.
 */
export function quantileName(quantile: number): string {
  return `p${String(quantile).slice('0.'.length).padEnd(2, '0')}`
}
