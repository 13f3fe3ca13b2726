import { freePort } from '../../server/test/support/redis.ts'
import { Place } from './place.ts'

/** By the newest pnpm that runs on every supported Node. */
const byPnpm = (command: string) => `npx -y -p pnpm@10 -c 'pnpm ${command}'`

/** Packages that pnpm installs see only what they declare. @param files name of a package -> its tarball */
export async function checkIsolated(files: Readonly<Record<string, string>>): Promise<string> {
  const place = new Place('pnpm', process.execPath)
  const port = await freePort()
  const tarballs = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, `file:${file}`]))
  // Without the overrides the packages would ask the registry for each other.
  const manifest = { private: true, type: 'module', dependencies: tarballs, pnpm: { overrides: tarballs } }
  try {
    place.write('package.json', JSON.stringify(manifest))
    await place.run(byPnpm('install'))
    await place.run(byPnpm('exec tidegate init --page node'))
    place.moveTo(port)
    await place.start(byPnpm(`exec tidegate start --port ${port}`), 'Tidegate is at')
    await place.start(byPnpm('exec tsx publish.ts'), 'publishing')
    await place.start(byPnpm('exec tsx listen.ts'), 'count:')
    await place.run(byPnpm('exec tsc'))
    return 'pnpm: installs, starts, publishes, listens, compiles'
  } finally {
    await place.close()
  }
}
