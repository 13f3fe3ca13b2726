import fc from 'fast-check'
import { hugeJson, nastyJson } from './nasty.ts'

/** What happens to one value within others. */
export interface Wrong {
  /** Which of them, counted from the outermost, modulo their number. */
  readonly at: number
  readonly how: 'replaced' | 'removed' | 'twice' | 'wrapped'
  /** JSON in its place, or something like it. */
  readonly json: string
}

/** JSON of a value in which one value is wrong. */
function withOneWrong(value: unknown, { at, how, json }: Wrong): string {
  const target = at % countOf(value)
  let next = 0
  const write = (each: unknown): string | undefined => {
    const mine = next++
    if (mine === target && how === 'replaced') return json
    if (mine === target && how === 'removed') return undefined
    const text = writeInner(each)
    return mine === target && how === 'wrapped' ? `[${text}]` : text
  }
  const writeInner = (each: unknown): string => {
    if (Array.isArray(each)) return `[${each.flatMap((item) => write(item) ?? []).join()}]`
    if (typeof each !== 'object' || each === null) return JSON.stringify(each)
    const members = Object.entries(each).flatMap(([name, member]) => {
      const isTwice = how === 'twice' && next === target
      const text = write(member)
      const given = text === undefined ? [] : [`${JSON.stringify(name)}:${text}`]
      return isTwice ? [...given, `${JSON.stringify(name)}:${json}`] : given
    })
    return `{${members.join()}}`
  }
  return write(value) ?? ''
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, each) => sum + countOf(each), 1)
}

const wrong: fc.Arbitrary<Wrong> = fc.record({
  at: fc.nat({ max: 200 }),
  how: fc.constantFrom('replaced', 'replaced', 'replaced', 'removed', 'twice', 'wrapped'),
  json: fc.oneof({ weight: 200, arbitrary: nastyJson }, { weight: 1, arbitrary: hugeJson }),
})

interface Edit {
  readonly at: number
  readonly length: number
  readonly text: string
  readonly times: number
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat({ max: 4_096 }),
  length: fc.nat({ max: 8 }),
  text: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '\\',
      '\\u',
      '.',
      '-',
      '@',
      '/',
      '(',
      ')',
      ' ',
      '\0',
      '%',
      '=',
      '&',
      ';',
    ),
  ),
  times: fc.oneof({ weight: 20, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constantFrom(2, 64, 4_096) }),
})

/** Some text with a few characters changed. */
export function edited(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(texts, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([text, edits]) =>
    edits.reduce((before, { at, length, text: inserted, times }) => {
      const from = at % (before.length + 1)
      return before.slice(0, from) + inserted.repeat(times) + before.slice(from + length)
    }, text),
  )
}

/** JSON of values, of values in which one thing is wrong, and of what is hardly JSON any more. */
export function jsonTexts(values: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const right = values.map((value) => JSON.stringify(value))
  return fc.oneof(
    { weight: 6, arbitrary: right },
    { weight: 10, arbitrary: fc.tuple(values, wrong).map(([value, each]) => withOneWrong(value, each)) },
    { weight: 3, arbitrary: edited(right) },
    { weight: 1, arbitrary: nastyJson },
  )
}
