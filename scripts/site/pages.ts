import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { contents } from '../pages/contents.ts'
import { withLinks, withoutComments } from '../pages/markdown.ts'
import { PAGES } from '../pages/pages.ts'
import { REPOSITORY } from '../source-files.ts'

/** Files that are no pages of the site, such as rules and sources. */
const REPOSITORY_ADDRESS = 'https://github.com/tidegate/tidegate/blob/main/'
/** Pages of packages, which a registry shows. */
const NOT_ON_SITE = /^(client-sdk|server)\/|^protocol\/README/

export interface SitePage {
  /** In the repository. */
  readonly path: string
  /** In the site, without an ending: `charts`, `adr/0001-commit-size`. */
  readonly place: string
  /** As the site has it: links lead to other pages of the site, or to the repository. */
  readonly text: string
}

/** Every page of the repository that the site has. */
export function sitePages(): SitePage[] {
  return PAGES.filter((path) => !NOT_ON_SITE.test(path)).map((path) => {
    const text = readFileSync(join(REPOSITORY, path), 'utf8')
    return { path, place: placeOf(path), text: withLinks(withoutComments(text), (target) => siteTarget(path, target)) }
  })
}

export function writePages(folder: string): void {
  for (const { place, text } of sitePages()) {
    const file = join(folder, `${place}.md`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

/** The navigation, as VitePress wants it. */
export function sidebar(): object[] {
  return contents().map(({ title, entries }) => ({
    text: title,
    items: entries.map((entry) => ({ text: entry.title, link: `/${placeOf(entry.path)}` })),
  }))
}

/** Where a page of the repository is in the site. */
export function placeOf(path: string): string {
  if (path === 'README.md') return 'overview'
  if (path === 'docs/README.md') return 'contents'
  if (path.startsWith('docs/')) return path.slice('docs/'.length, -'.md'.length)
  return posix.basename(path, '.md').toLowerCase()
}

function siteTarget(page: string, target: string): string {
  if (/^[a-z]+:|^#/.test(target)) return target
  const [file = '', anchor] = target.split('#')
  const path = posix.join(posix.dirname(page), file)
  const end = anchor === undefined ? '' : `#${anchor}`
  return PAGES.includes(path) && !NOT_ON_SITE.test(path)
    ? `/${placeOf(path)}.md${end}`
    : `${REPOSITORY_ADDRESS}${path}${end}`
}
