/** Builds what is published: JavaScript and declarations into the `dist` of each package. The page is built by Vite. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PUBLISHED } from '../packages.ts'
import { REPOSITORY } from '../source-files.ts'
import { buildDeclarations } from './declarations.ts'
import { buildJavaScript } from './javascript.ts'
import { packagesAreBeingBuilt, packagesAreBuilt } from './staleness.js'

/** Built by Vite, into the package that serves it. */
const PAGE = 'dashboard'

const begun = new Date()
packagesAreBeingBuilt()
for (const folder of PUBLISHED) {
  const dist = join(REPOSITORY, folder, 'dist')
  const old = existsSync(dist) ? readdirSync(dist).filter((name) => name !== PAGE) : []
  for (const name of old) rmSync(join(dist, name), { recursive: true })
}
await Promise.all(PUBLISHED.map(buildJavaScript))
buildDeclarations(PUBLISHED)
cpSync(join(REPOSITORY, 'server/src/bus/lua'), join(REPOSITORY, 'server/dist/bus/lua'), { recursive: true })
packagesAreBuilt(begun)
