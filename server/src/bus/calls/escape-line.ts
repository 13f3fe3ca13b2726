const ESCAPED = /[\\\n]/

/** Text that fits on one line: a line end becomes `\\n`, a backslash `\\\\`. Different texts stay different. */
export function escapeLine(text: string): string {
  return ESCAPED.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n') : text
}
