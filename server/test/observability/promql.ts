/** One selector of an expression: `name{label="value"}`. */
export interface Selector {
  readonly metric: string
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[]
}

export interface Expression {
  readonly selectors: readonly Selector[]
  /** Labels by which it groups. */
  readonly grouping: readonly string[]
}

const WORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'offset', 'bool', 'group_left'])
const STRING = /"(?:[^"\\]|\\.)*"/g
const GROUPING = /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g
const MATCHER = /(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g

/** The metrics and labels that an expression of PromQL names. It does not check its syntax otherwise. */
export function readExpression(text: string): Expression {
  const grouping = [...text.matchAll(GROUPING)].flatMap(([, labels]) => labels!.split(',').map((label) => label.trim()))
  // Quoted text and groups name no metrics. The lengths stay, so that places in both texts are the same.
  const blank = (part: string) => ' '.repeat(part.length)
  const bare = text
    .replace(STRING, blank)
    .replace(GROUPING, blank)
    .replace(/\{[^}]*\}|\[[^\]]*\]/g, blank)
  const selectors = [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].flatMap(({ 0: metric, index }) => {
    const rest = bare.slice(index + metric.length)
    if (WORDS.has(metric) || /^\s*\(/.test(rest)) return []
    const braces = /^\s*\{([^}]*)\}/.exec(text.slice(index + metric.length))?.[1] ?? ''
    const matchers = [...braces.matchAll(MATCHER)].map(([, label, value]) => ({
      label: label!,
      values: value!.split('|'),
    }))
    return [{ metric, matchers }]
  })
  return { selectors, grouping }
}
