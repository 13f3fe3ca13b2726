import { expect, test } from 'vitest'
import { manifestOf } from '../../../scripts/packages.ts'
import { releaseProblems } from '../../../scripts/release/problems.ts'
import { sourceFiles } from '../../../scripts/source-files.ts'

const packages = (server: string, dependency = server) => [
  { name: '@tidegate/protocol', version: '1.2.0' },
  { name: 'tidegate', version: server, dependencies: { '@tidegate/protocol': dependency, zod: '4.0.0' } },
]
const CHANGELOG = '# Changelog\n\n## 1.2.0 - unreleased\n'
const CLEAN = { isDry: true, changed: '' }

test('PK-RELEASE-1 releaseProblems - one version everywhere, with its heading', () => {
  expect(releaseProblems(packages('1.2.0'), CHANGELOG, CLEAN)).toEqual([])
  expect(releaseProblems(packages('1.2.1'), CHANGELOG, CLEAN)).toEqual([
    'tidegate is 1.2.1, and not 1.2.0',
    'tidegate depends on @tidegate/protocol 1.2.1, and not 1.2.0',
  ])
  expect(releaseProblems(packages('1.2.0'), '## 1.1.0', CLEAN)).toEqual(['CHANGELOG.md has no heading for 1.2.0'])
})

test('PK-RELEASE-1 releaseProblems - a real release needs a date and committed files', () => {
  expect(releaseProblems(packages('1.2.0'), CHANGELOG, { isDry: false, changed: ' M README.md' })).toEqual([
    'CHANGELOG.md has no date for 1.2.0',
    'commit these files first:\n M README.md',
  ])
})

test('PK-RELEASE-1 the client - names the version of its package to gateways', () => {
  const named = sourceFiles('.ts')
    .filter(({ path }) => path.startsWith('client-sdk/src/'))
    .flatMap(({ text }) => [...text.matchAll(/'tidegate-js\/([^']*)'/g)].map(([, version]) => version))
  expect(named).toEqual([manifestOf('client-sdk').version])
})
