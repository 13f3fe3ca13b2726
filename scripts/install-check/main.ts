import { checkColdStart } from './cold-start.ts'
import { checkIsolated } from './isolated.ts'
import { checkOnNode } from './on-node.ts'
import { runPackedChecks } from './packed-checks.ts'
import { checkPages } from './pages.ts'
import { checkSizes } from './sizes.ts'

const USAGE = `npm run install-check -- [--only <check>,...]

Packs what would be published, installs it into empty folders and uses it as a project does: on Node 20, 22 and 24, in pages
built by Vite, and under pnpm. Prints sizes. Exits with 1 when a check fails. It takes some minutes.

  --only   some of: sizes, cold, 20, 22, 24, pages, pnpm

Examples:
  npm run install-check
  npm run install-check -- --only 22,pages`

await runPackedChecks(USAGE, {
  sizes: ({ packages }) => checkSizes(packages),
  cold: async ({ packages }) => [await checkColdStart(packages.map(({ file }) => file))],
  20: async ({ all }) => [await checkOnNode('20', all)],
  22: async ({ all }) => [await checkOnNode('22', all)],
  24: async ({ all }) => [await checkOnNode('24', all)],
  pages: ({ all }) => checkPages(all),
  pnpm: async ({ packages }) => [
    await checkIsolated(Object.fromEntries(packages.map(({ name, file }) => [name, file]))),
  ],
})
