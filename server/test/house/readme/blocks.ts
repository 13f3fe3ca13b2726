/** One fenced block of a page, or code that only the tests see. */
export interface Block {
  /** What stands behind the fence: `ts`, `sh`. */
  readonly language: string
  readonly text: string
  /** What the comment right before it says, without `readme:`. */
  readonly note: string
  /** Of the fence, from 1. */
  readonly line: number
}

const GIVEN = /<!-- readme: given\n(?<given>[\s\S]*?)^-->$/
const NOTE = /(?:<!-- readme: (?<note>.*?) -->\n+)?/
/** Inside a list a block is indented. */
const FENCE = /^(?<indent> *)```(?<language>\w*)\n(?<text>[\s\S]*?)^\k<indent>```$/
const BLOCK = new RegExp(`${GIVEN.source}|${NOTE.source}${FENCE.source}`, 'gm')

/** The blocks of a page in order. Code in a comment `<!-- readme: given ... -->` is a block of TypeScript. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(BLOCK)].map((match) => {
    const {
      given,
      note = '',
      indent = '',
      language = 'ts',
      text = '',
    } = match.groups as Partial<Record<string, string>>
    const line = markdown.slice(0, match.index + match[0].indexOf('```')).split('\n').length
    if (given !== undefined) return { language: 'ts', text: given, note: '', line }
    return { language, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), note, line }
  })
}

/** Whether a comment says why the block is in no test. */
export function isSkipped({ note }: Block): boolean {
  return /^skip, .+$/.test(note)
}
