import { checkColdStart } from '../install-check/cold-start.ts'
import { runPackedChecks } from '../install-check/packed-checks.ts'
import { checkSizes } from '../install-check/sizes.ts'
import { checkFactory } from './factory.ts'
import { checkShop } from './shop.ts'

const USAGE = `npm run new-user -- [--only <check>,...]

Does what somebody new does, from an empty folder and the README: installs what would be published, begins a project, replays a
file of a factory, and shows a shop in React. Every number is compared with a computation without Tidegate. Prints sizes and
the cold start. Exits with 1 on any difference. It takes some minutes.

  --only   some of: sizes, cold, factory, shop

Examples:
  npm run new-user
  npm run new-user -- --only shop`

await runPackedChecks(USAGE, {
  sizes: ({ packages }) => checkSizes(packages),
  cold: async ({ packages }) => [await checkColdStart(packages.map(({ file }) => file))],
  factory: async ({ all }) => [await checkFactory(all)],
  shop: async ({ all }) => [await checkShop(all)],
})
