import ts from 'typescript'
import { expect, test } from 'vitest'
import { sourceFiles } from '../../../scripts/source-files.ts'

/** As long as the texts that clients send. */
const CHARS = 16_384
/** A pattern that looks at every character a few times takes about a millisecond; one that looks at all for each, seconds. */
const LIMIT_MS = 30
/** What else the process does, collecting garbage for example, counts now and then; a slow pattern is slow each time. */
const TRIES = 5

interface Pattern {
  readonly path: string
  readonly source: string
  readonly flags: string
}

function patternsOf({ path, text }: { readonly path: string; readonly text: string }): Pattern[] {
  const found: Pattern[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/')
      found.push({ path, source: node.text.slice(1, end), flags: node.text.slice(end + 1) })
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return found
}

/** Beginnings that let some part of a pattern match, and what is then repeated until something unexpected comes. */
const HEADS = ['', 'a', '1', '"', '/', 'a/', 'a://', '1@a/', '{', '%', '2026-11-23T', '/v1/entities/']
const REPEATED = [
  'a',
  'A',
  '1',
  '0',
  ' ',
  '\t',
  '\n',
  '.',
  '-',
  '/',
  ',',
  ':',
  '"',
  '\\',
  '\\a',
  '%',
  '%41',
  '=',
  ';',
  '@',
  '_',
  '(',
  '[',
  '1.',
  'a.',
  'a-',
  'a://',
  'a:',
  '/a',
  ' a',
  'é',
  '\ud800',
]

function slowest({ source, flags }: Pattern): number {
  const pattern = new RegExp(source, flags)
  let most = 0
  for (const head of HEADS) {
    for (const repeated of REPEATED) {
      const text = `${head}${repeated.repeat(CHARS / repeated.length)}\0`
      most = Math.max(most, cpuMs(pattern, text))
      if (most > LIMIT_MS) return most
    }
  }
  return most
}

/** Where it is long, the least of several times. */
function cpuMs(pattern: RegExp, text: string): number {
  let least = Number.POSITIVE_INFINITY
  for (let tried = 0; tried < TRIES && least > LIMIT_MS; tried++) {
    const before = process.cpuUsage()
    if (pattern.sticky || !pattern.global) {
      pattern.lastIndex = 0
      pattern.test(text)
    } else text.replace(pattern, '')
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

test('G-COST-3 regular expressions - none takes longer than in proportion to its text', () => {
  const patterns = sourceFiles('.ts')
    .filter(({ path }) => /^(server|protocol|client-sdk)\/src\//.test(path))
    .flatMap(patternsOf)
  expect(patterns.length).toBeGreaterThan(50)
  const slow = patterns.flatMap((pattern) => {
    const ms = slowest(pattern)
    return ms > LIMIT_MS ? [`${pattern.path}: /${pattern.source}/${pattern.flags} took ${ms} ms`] : []
  })
  expect(slow).toEqual([])
}, 60_000)
