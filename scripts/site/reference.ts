import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../source-files.ts'

/** Every entry of the published packages: its name, and its source from the root of the repository. */
function entries(): [name: string, source: string][] {
  const { compilerOptions } = JSON.parse(readFileSync(join(REPOSITORY, 'tsconfig.json'), 'utf8')) as {
    readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly string[]>> }
  }
  return Object.entries(compilerOptions.paths).map(([name, [source]]) => [name, source!.replace('./', '')])
}

/** Writes the reference of all entries, from their docstrings, a page for each thing that they export. */
export function writeReference(site: string, folder: string): void {
  const options = {
    entryPoints: entries().map(([, source]) => join(REPOSITORY, source)),
    basePath: REPOSITORY,
    tsconfig: join(REPOSITORY, 'tsconfig.json'),
    out: folder,
    plugin: [join(site, 'typedoc-names.mjs'), 'typedoc-plugin-markdown'],
    name: 'API reference',
    readme: 'none',
    // tsc checks the same sources in every other check.
    skipErrorChecking: true,
    excludePrivate: true,
    disableSources: true,
    entryFileName: 'index',
    outputFileStrategy: 'members',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    expandParameters: true,
    parametersFormat: 'table',
    pageTitleTemplates: { member: '{rawName}', module: '{name}', index: 'API reference' },
    interfacePropertiesFormat: 'list',
    classPropertiesFormat: 'list',
    logLevel: 'Error',
  }
  const file = join(site, '.build/typedoc.json')
  writeFileSync(file, JSON.stringify(options))
  const names = JSON.stringify(
    Object.fromEntries(entries().map(([name, source]) => [source.replace(/(\/index)?\.tsx?$/, ''), name])),
  )
  const typedoc = join(site, 'node_modules/typedoc/bin/typedoc')
  execFileSync(process.execPath, [typedoc, '--options', file], {
    cwd: site,
    env: { ...process.env, REFERENCE_NAMES: names },
    stdio: 'inherit',
  })
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  )) {
    const page = join(folder, path)
    // Tags are text in the site.
    writeFileSync(page, readFileSync(page, 'utf8').replaceAll(/<a id="[^"]*"><\/a> ?/g, ''))
  }
}

/** The navigation of the reference: an entry of each package, and below it what it exports. */
export function referenceSidebar(folder: string): object[] {
  const names = entries().map(([name]) => name)
  return [
    { text: 'API reference', link: '/reference/' },
    ...names.map((name) => {
      const pages = KINDS.filter((kind) => existsSync(join(folder, name, kind))).flatMap((kind) =>
        readdirSync(join(folder, name, kind)).map((file) => {
          const exported = file.slice(0, -'.md'.length)
          return { text: exported, link: `/reference/${name}/${kind}/${exported}` }
        }),
      )
      return { text: name, link: `/reference/${name}/`, collapsed: name !== '@tidegate/client', items: pages }
    }),
  ]
}

/** In the order of the navigation: where a reader begins comes first. */
const KINDS = ['functions', 'classes', 'interfaces', 'type-aliases', 'variables', 'enumerations']
