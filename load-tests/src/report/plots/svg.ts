/** Pieces of SVG that all plots share. */

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** @param label says what the plot shows to those who do not see it */
export function svg(width: number, height: number, label: string, content: string): string {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escapeText(label)}">${content}</svg>`
}

export interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly css?: string
}

export function text(
  x: number,
  y: number,
  content: string,
  { anchor = 'start', css = 'quiet' }: TextOptions = {},
): string {
  return `<text x="${place(x)}" y="${place(y)}" text-anchor="${anchor}" class="${css}">${escapeText(content)}</text>`
}

export function line(x1: number, y1: number, x2: number, y2: number, css: string): string {
  return `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" class="${css}"/>`
}

/** A tenth of a pixel is enough. */
export const place = (value: number) => Math.round(value * 10) / 10
