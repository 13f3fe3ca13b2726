/** What is shown of an error. */
export interface ShownError {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: ShownError
}

/** Causes of causes. */
const MAX_DEPTH = 5
/** What the message of `JSON.parse` ends with, and what leads to the text that it quotes. */
const NOT_JSON = ' is not valid JSON'
const BEFORE_QUOTE = /(?:, )?(?:\.\.\.)?$/

/**
 * An error for the log: its kind, message, code, stack and causes, and none of its other properties. Libraries keep
 * there what they were called with: the events of an append, the password of a login.
 */
export function shownError(error: unknown, depth = 0): ShownError {
  if (!(error instanceof Error)) return { type: typeof error, message: typeof error === 'string' ? error : '' }
  const { name, code, cause } = error as NodeJS.ErrnoException
  const shown = (text: string) => (error instanceof SyntaxError ? withoutQuote(text) : text)
  return {
    type: name,
    message: shown(error.message),
    ...(typeof code === 'string' && { code }),
    ...(error.stack !== undefined && { stack: shown(error.stack) }),
    ...(cause !== undefined && depth < MAX_DEPTH && { cause: shownError(cause, depth + 1) }),
  }
}

/** The same as text, for lines that people read. */
export function errorText(error: unknown): string {
  const { stack, message } = shownError(error)
  return stack ?? message
}

/**
 * `JSON.parse` quotes what it cannot read, and that is the data of a client. Looked for from both ends: a pattern would be tried
 * at every quotation mark of that data.
 */
function withoutQuote(text: string): string {
  const from = text.indexOf('"')
  const to = text.lastIndexOf(NOT_JSON)
  if (from === -1 || to < from) return text
  return `${text.slice(0, from).replace(BEFORE_QUOTE, '')} (text not shown)${text.slice(to + NOT_JSON.length)}`
}
