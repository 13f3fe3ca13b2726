import ts from 'typescript'
import { isMain } from './is-main.ts'
import { type SourceFile, sourceFiles } from './source-files.ts'

/** A rule is a list item that begins with its id: `- **C-DEDUP-1** text`. */
const RULE = /^- \*\*([A-Z]+-[A-Z]+-\d+)\*\*/gm
const ID = /\b[A-Z]+-[A-Z]+-\d+\b/g
/** In quotes: ids, then what is said of them. */
const IDS_FIRST = /^.(?:[A-Z]+-[A-Z]+-\d+ )+(?!.*\b[A-Z]+-[A-Z]+-\d+\b)/s
const TITLED_CALLS = new Set(['test', 'it', 'describe'])

export interface SpecReport {
  readonly rules: number
  /** `SPEC.md: id` of every rule that no test's title names. */
  readonly untested: readonly string[]
  /** `test file: id` of every id that is no rule of any SPEC.md. */
  readonly unknown: readonly string[]
  /** Ids that stand for more than one rule. */
  readonly repeated: readonly string[]
  /** `test file: title` of every title that names ids elsewhere than at its beginning. */
  readonly misplaced: readonly string[]
}

export function specRules(): { readonly id: string; readonly where: string }[] {
  return sourceFiles('SPEC.md').flatMap((file) =>
    [...file.text.matchAll(RULE)].map(([, id]) => ({ id: id!, where: file.path })),
  )
}

/** Compares the rules of all SPEC.md files with the titles of all tests. */
export function specReport(): SpecReport {
  const rules = specRules()
  const titles = sourceFiles('.ts', '.tsx')
    .filter(({ path }) => /^[^/]+\/test\//.test(path))
    .flatMap((file) => titlesOf(file).map((title) => ({ title, ids: title.match(ID) ?? [], where: file.path })))
  const cited = titles.flatMap(({ ids, where }) => ids.map((id) => ({ id, where })))
  const ruleIds = new Set(rules.map(({ id }) => id))
  const citedIds = new Set(cited.map(({ id }) => id))
  const listed = (found: typeof rules) => [...new Set(found.map(({ id, where }) => `${where}: ${id}`))]
  return {
    rules: rules.length,
    untested: listed(rules.filter(({ id }) => !citedIds.has(id))),
    unknown: listed(cited.filter(({ id }) => !ruleIds.has(id))),
    repeated: rules.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index),
    misplaced: titles
      .filter(({ title, ids }) => ids.length > 0 && !IDS_FIRST.test(title))
      .map(({ title, where }) => `${where}: ${title}`),
  }
}

/** As they are written, in their quotes. */
function titlesOf({ path, text }: SourceFile): string[] {
  const titles: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isCallExpression(node) && TITLED_CALLS.has(calledName(node.expression))) {
      const title = node.arguments[0]?.getText()
      if (title !== undefined) titles.push(title)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return titles
}

/** `test` of `test(...)`, `test.skipIf(...)(...)` and `test.each(...)(...)`. */
function calledName(callee: ts.Expression): string {
  if (ts.isIdentifier(callee)) return callee.text
  if (ts.isPropertyAccessExpression(callee) || ts.isCallExpression(callee)) return calledName(callee.expression)
  if (ts.isTaggedTemplateExpression(callee)) return calledName(callee.tag)
  return ''
}

if (isMain(import.meta.url)) {
  const { rules, untested, unknown, repeated, misplaced } = specReport()
  const lines = [
    ...untested.map((line) => `without a test  ${line}`),
    ...unknown.map((line) => `no such rule    ${line}`),
    ...repeated.map((id) => `stands twice    ${id}`),
    ...misplaced.map((line) => `id not in front  ${line}`),
  ]
  console.log([...lines, `${rules} rules, ${lines.length} problems`].join('\n'))
  process.exitCode = lines.length === 0 ? 0 : 1
}
