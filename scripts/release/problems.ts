import type { Manifest } from '../packages.ts'

export interface Circumstances {
  readonly isDry: boolean
  /** Files that differ from the last commit, as Git lists them. */
  readonly changed: string
}

/** What hinders a release: versions that differ, a changelog without the version, and for a real one changed files. */
export function releaseProblems(
  manifests: readonly Manifest[],
  changelog: string,
  { isDry, changed }: Circumstances,
): string[] {
  const problems: string[] = []
  const [{ version }] = manifests as readonly [Manifest, ...Manifest[]]
  const names = new Set(manifests.map(({ name }) => name))
  for (const manifest of manifests) {
    if (manifest.version !== version) problems.push(`${manifest.name} is ${manifest.version}, and not ${version}`)
    for (const [name, range] of Object.entries(manifest.dependencies ?? {}))
      if (names.has(name) && range !== version)
        problems.push(`${manifest.name} depends on ${name} ${range}, and not ${version}`)
  }
  const [, heading] = new RegExp(`^## (${version.replaceAll('.', '\\.')}.*)$`, 'm').exec(changelog) ?? []
  if (heading === undefined) problems.push(`CHANGELOG.md has no heading for ${version}`)
  else if (!isDry && heading.includes('unreleased')) problems.push(`CHANGELOG.md has no date for ${version}`)
  if (changed !== '') problems.push(`commit these files first:\n${changed}`)
  return problems
}
