import type { Place } from '../install-check/place.ts'

/** As the README says, and then what `init` says. */
export async function beginProject(place: Place, tarballs: string, page: 'node' | 'react'): Promise<void> {
  await place.run(`npm install --no-audit --no-fund ${tarballs}`)
  const said = await place.run(`npx tidegate init --page ${page}`)
  const advice = /^ {2}(npm pkg set .*)$/m.exec(said)?.[1]
  if (advice !== undefined) await place.run(advice)
}
