import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CONTENTS, contents } from '../../../scripts/pages/contents.ts'
import { headingsOf, linksOf } from '../../../scripts/pages/markdown.ts'
import { allOptions } from '../../../scripts/pages/options.ts'
import { PAGES } from '../../../scripts/pages/pages.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { COMMANDS } from '../../src/cli/main.ts'
import { VARIABLES } from '../../src/config/settings/settings.ts'
import { blocksOf, isSkipped } from './readme/blocks.ts'
import { PAGES as EXECUTED, GUIDES } from './readme/steps.ts'

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8')
const texts = new Map(PAGES.map((path) => [path, read(path)]))
const slugs = new Map([...texts].map(([path, text]) => [path, new Set(headingsOf(text).map(({ slug }) => slug))]))

/** Languages of blocks: those that are compiled or executed, and those that nothing could check. */
const LANGUAGES = new Set(['ts', 'tsx', 'sh', 'json', 'text', 'nginx', 'python', 'filter', ''])

describe('contents', () => {
  const listed = contents().flatMap(({ entries }) => entries)

  test('contents - list every page of docs/ once, and what exists', () => {
    const pages = listed.map(({ path }) => path)
    expect(pages.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([])
    expect(new Set(pages).size).toBe(pages.length)
    const docs = PAGES.filter((path) => path.startsWith('docs/') && path !== CONTENTS)
    expect(docs.filter((path) => !pages.includes(path))).toEqual([])
  })

  test('contents - say what a page is about in one sentence', () => {
    expect(listed.filter(({ summary }) => !/^\S.*[^.]\.$/.test(summary) || summary.length > 110)).toEqual([])
  })
})

describe('pages', () => {
  test.each([...texts])('%s - has one title, and headings that can be linked to', (_, text) => {
    const headings = headingsOf(text)
    expect(headings.filter(({ level }) => level === 1)).toHaveLength(1)
    expect(headings[0]?.level).toBe(1)
    expect(headings.filter(({ slug }) => slug === '')).toEqual([])
  })

  test.each([...texts])('%s - its links lead somewhere', (path, text) => {
    const dead = linksOf(text).filter(({ target }) => {
      if (/^(https?|mailto):/.test(target)) return false
      const [file = '', anchor] = target.split('#')
      const page = file === '' ? path : posix.join(posix.dirname(path), file)
      if (!existsSync(join(REPOSITORY, page))) return true
      return anchor !== undefined && slugs.get(page)?.has(anchor) !== true
    })
    expect(dead).toEqual([])
  })

  test('titles - are of one page each', () => {
    const titles = [...texts].map(([, text]) => headingsOf(text)[0]!.text)
    expect(titles.filter((title, n) => titles.indexOf(title) !== n)).toEqual([])
  })
})

describe('snippets', () => {
  const blocks = [...texts].flatMap(([path, text]) => blocksOf(text).map((block) => ({ path, ...block })))
  const place = ({ path, line }: (typeof blocks)[number]) => `${path}:${line}`

  test('blocks - are in a language that is known here', () => {
    expect(blocks.filter(({ language }) => !LANGUAGES.has(language)).map(place)).toEqual([])
  })

  // All TypeScript is compiled by modules.test.ts.
  test('commands - are executed, or it is said why not', () => {
    const executed = new Set([...EXECUTED, ...GUIDES])
    const untested = blocks.filter((block) => block.language === 'sh' && !isSkipped(block) && !executed.has(block.path))
    expect(untested.map(place)).toEqual([])
  })
})

describe('names', () => {
  const current = [...texts].filter(([path]) => path !== 'CHANGELOG.md')

  test('settings - that pages name exist', () => {
    const known = new Set<string>(Object.values(VARIABLES).map(({ name }) => name))
    const named = current.flatMap(([path, text]) =>
      [...text.matchAll(/\bTIDEGATE_[A-Z_]+\b(?!\*)/g)].map(([name]) => [path, name] as const),
    )
    expect(named.length).toBeGreaterThan(100)
    expect(named.filter(([, name]) => !known.has(name))).toEqual([])
  })

  test('commands - that pages name exist, with their options', async () => {
    const usages = new Map<string, string>()
    for (const [name, { load }] of Object.entries(COMMANDS)) usages.set(name, (await load()).usage)
    const named = current.flatMap(([path, text]) =>
      codeOf(text).flatMap((line) =>
        [...line.matchAll(/(?:^|[ ($])tidegate ([a-z][a-z-]*)([^|;&#]*)/g)].map(([call, command, rest]) => {
          const options = (rest!.match(/(?<=\s)--[a-z][a-z-]+/g) ?? []).filter((option) => option !== '--help')
          return { path, call: call.trim(), usage: usages.get(command!), options }
        }),
      ),
    )
    expect(named.length).toBeGreaterThan(100)
    const wrong = named.filter(({ usage, options }) => options.some((option) => !usage?.includes(option)) || !usage)
    // Arguments of other programs.
    const others = /^tidegate (zod$|on >PASSWORD)/
    expect(wrong.filter(({ call }) => !others.test(call)).map(({ path, call }) => `${path}: ${call}`)).toEqual([])
  })
})

/** What stands between backticks, and lines of shell with those that continue them. */
function codeOf(text: string): string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
  const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, code]) => code!)
  return [...spans, ...blocks.flatMap((code) => code.replaceAll('\\\n', ' ').split('\n'))]
}

describe('start', () => {
  test.each(['common/tidegate.config.ts', 'common/publish.ts', 'node/listen.ts'])(
    '%s - is shown as tidegate init writes it',
    (file) => {
      expect(read('docs/start.md')).toContain(`\`\`\`ts\n${read(`server/templates/${file}`)}\`\`\`\n`)
    },
  )
})

test('options - each says what it means', () => {
  expect(allOptions().filter(({ meaning }) => meaning === '')).toEqual([])
})
