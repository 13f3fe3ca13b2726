/** Colours of lines, as custom properties `--line-0` and so on of theme.css. */
const COLORS = 10
/** From the second round of colours on lines are dashed, so that no two look alike. */
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3]]

const scheme = window.matchMedia('(prefers-color-scheme: dark)')

/** The value of a custom property, in the present colour scheme. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

export function onSchemeChange(listener: () => void): void {
  scheme.addEventListener('change', listener)
}

export interface LineStyle {
  readonly color: string
  readonly dash: readonly number[]
}

/** @param style of a key, or a place in a row */
export function lineStyle(style: number): LineStyle {
  return { color: themeColor(`line-${style % COLORS}`), dash: DASHES[Math.floor(style / COLORS) % DASHES.length]! }
}

/** What stands for a line beside its name. */
export function swatchClass(style: number): string {
  return `swatch c${style % COLORS} d${Math.floor(style / COLORS) % DASHES.length}`
}
