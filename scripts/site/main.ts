/**
 * `npm run docs:site`: a static site of all pages with search, the reference of what packages export, and `llms.txt`, in
 * `site/dist`. Links that lead nowhere fail it. What builds it has a lock of its own, which only this command installs:
 * nobody who works on or uses Tidegate needs it.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { REPOSITORY } from '../source-files.ts'
import { llmsFullText, llmsText } from './llms.ts'
import { sidebar, writePages } from './pages.ts'
import { referenceSidebar, writeReference } from './reference.ts'

const USAGE = `npm run docs:site [-- --serve]

Builds the documentation as a static site in site/dist. The first run installs what builds it, into site/node_modules.
  --serve  then serves it at http://localhost:4173
`
const SITE = join(REPOSITORY, 'site')
const BUILD = join(SITE, '.build')
const DIST = join(SITE, 'dist')

const { values } = parseArgs({ options: { serve: { type: 'boolean' }, help: { type: 'boolean' } } })
if (values.help) process.stdout.write(USAGE)
else build(values.serve === true)

function build(isServed: boolean): void {
  if (!existsSync(join(SITE, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund'])
  for (const folder of [BUILD, DIST]) rmSync(folder, { recursive: true, force: true })
  mkdirSync(BUILD)
  writePages(BUILD)
  copyFileSync(join(SITE, 'index.md'), join(BUILD, 'index.md'))
  const reference = join(BUILD, 'reference')
  writeReference(SITE, reference)
  const sidebars = { '/reference/': referenceSidebar(reference), '/': sidebar() }
  writeFileSync(join(BUILD, 'sidebars.json'), JSON.stringify(sidebars))
  const vitepress = join(SITE, 'node_modules/vitepress/bin/vitepress.js')
  run(process.execPath, [vitepress, 'build'])
  writeFileSync(join(DIST, 'llms.txt'), llmsText())
  writeFileSync(join(DIST, 'llms-full.txt'), llmsFullText())
  if (isServed) run(process.execPath, [vitepress, 'serve'])
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: SITE, stdio: 'inherit' })
}
