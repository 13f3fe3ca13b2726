import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CONTENTS, contents } from '../../../scripts/pages/contents.ts'
import { headingsOf, linksOf } from '../../../scripts/pages/markdown.ts'
import { allOptions } from '../../../scripts/pages/options.ts'
import { PAGES } from '../../../scripts/pages/pages.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
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
