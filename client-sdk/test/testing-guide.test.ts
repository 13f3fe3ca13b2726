import { readFileSync } from 'node:fs'
import * as client from '@tidegate/client'
import * as testing from '@tidegate/client/testing'
import { transformSync } from 'esbuild'
import * as vitest from 'vitest'

const MODULES: Readonly<Record<string, object>> = {
  '@tidegate/client': client,
  '@tidegate/client/testing': testing,
}
const guide = readFileSync(new URL('../../docs/test-server.md', import.meta.url), 'utf8')
const snippets = [...guide.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!)

type Test = readonly [title: string, run: () => Promise<void>]

/** The tests of a snippet, which imports what a reader would. */
function testsOf(snippet: string): Test[] {
  const { code } = transformSync(snippet, { loader: 'ts', format: 'cjs', target: 'es2022' })
  const tests: Test[] = []
  const collecting = { ...vitest, test: (...each: Test) => tests.push(each) }
  const require = (name: string) => (name === 'vitest' ? collecting : MODULES[name])
  new Function('require', 'module', 'exports', code)(require, {}, {})
  return tests
}

vitest.describe('guide to the test server', () => {
  const tests = snippets.flatMap(testsOf)
  vitest.expect(tests).toHaveLength(snippets.length)
  vitest.test.each(tests)('C-FAKE-4 guide - %s', (_, run) => run())
})
