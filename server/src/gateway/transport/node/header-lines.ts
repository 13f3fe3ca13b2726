const NOT_ASCII = /[^\0-\x7f]/

/** Header lines in the order received, names in lower case. */
export function headerLines(rawHeaders: readonly string[]): [name: string, value: string][] {
  const lines: [string, string][] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    lines.push([rawHeaders[i]!.toLowerCase(), asUtf8(rawHeaders[i + 1]!)])
  return lines
}

/** Node reads a character for each byte. */
function asUtf8(value: string): string {
  return NOT_ASCII.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value
}
