/** Tables of PROTOCOL.md that come from the source. `npm run docs` writes them; a test checks that they are current. */
import { DEFAULTS, ERROR_CODES, LIMITS, RETRYABLE } from '../protocol/src/index.ts'

/** Heading in PROTOCOL.md -> the table below it. */
function protocolTables(): ReadonlyMap<string, string> {
  const codes = Object.entries(ERROR_CODES).map(([code, text]) => {
    return `| \`${code}\` | ${(RETRYABLE as ReadonlySet<string>).has(code) ? 'yes' : ''} | ${text} |`
  })
  const values = (table: object) => Object.entries(table).map(([name, value]) => `| \`${name}\` | ${value} |`)
  return new Map([
    ['### Error codes', ['| code | retry | |', '|---|---|---|', ...codes].join('\n')],
    ['### Limits', ['| limit | |', '|---|---|', ...values(LIMITS)].join('\n')],
    ['### Defaults', ['| default | |', '|---|---|', ...values(DEFAULTS)].join('\n')],
  ])
}

/** The document with its tables replaced by current ones. */
export function withCurrentTables(document: string): string {
  let text = document
  for (const [heading, table] of protocolTables()) {
    text = text.replace(new RegExp(`${heading}\n\n[^]*?(?=\n\n#|\n*$)`), `${heading}\n\n${table}`)
  }
  return text
}
