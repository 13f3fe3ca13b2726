import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PAGES } from '../../../../scripts/pages/pages.ts'
import { REPOSITORY } from '../../../../scripts/source-files.ts'
import { checkTypes } from '../../support/tsc.ts'
import { readmeModules } from './modules.ts'
import { PAGES as EXECUTED } from './steps.ts'

const modulesOf = (path: string) => readmeModules(readFileSync(join(REPOSITORY, path), 'utf8'))
const fence = '```'

test('readmeModules - blocks go on with the module that the last import began', () => {
  const blocks = ["import 'a'", 'const b = 1', "import 'c'\nexport default defineConfig({})", 'const d = 2']
  const markdown = blocks.map((text) => `${fence}ts\n${text}\n${fence}\n`).join('\nwords\n')
  expect(readmeModules(markdown)).toEqual({
    'module-0.ts': "import 'a'\nconst b = 1\n",
    'tidegate.config.ts': "import 'c'\nexport default defineConfig({})\nconst d = 2\n",
  })
})

/** What pages mean that import a config and show none. */
const { 'tidegate.config.ts': usualConfig } = modulesOf('docs/start.md')

test('readmeModules - code that is given comes first, code of others is left out', () => {
  const given = "<!-- readme: given\nimport 'a'\nconst b = 1\n-->\n"
  const markdown = `${given}${fence}ts\nconst c = b\n${fence}\n\n<!-- readme: skip, code of others -->\n${fence}ts\nd\n${fence}\n`
  expect(readmeModules(markdown)).toEqual({ 'module-0.ts': "import 'a'\nconst b = 1\nconst c = b\n" })
})

test('pages - their code compiles', { timeout: 60_000 }, async () => {
  const modules = PAGES.flatMap((page) => {
    const own = modulesOf(page)
    if (Object.keys(own).length === 0) return []
    const files = Object.entries({ 'tidegate.config.ts': usualConfig!, ...own })
    return files.map(([name, text]) => [join(page.replace('.', '-'), name), text])
  })
  expect(modules.length).toBeGreaterThan(EXECUTED.length)
  await checkTypes(Object.fromEntries(modules))
})

test.each(EXECUTED.filter((path) => modulesOf(path)['tidegate.config.ts'] !== undefined))(
  '%s - its config loads',
  (path) => {
    const folder = mkdtempSync(join(REPOSITORY, 'node_modules/tidegate-page-'))
    try {
      const config = join(folder, 'tidegate.config.ts')
      writeFileSync(config, modulesOf(path)['tidegate.config.ts']!)
      const contract = [join(REPOSITORY, 'server/bin/tidegate.js'), 'contract', '--json', '--config', config]
      expect(spawnSync(process.execPath, contract, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)
