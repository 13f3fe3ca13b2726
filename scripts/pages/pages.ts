import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../source-files.ts'

const FOLDERS = ['.', 'docs', 'docs/adr', 'docs/runbook', 'client-sdk', 'protocol', 'server']

/** Every page of the repository that is written for people, from its root. The rules of the folders (`SPEC.md`) are not. */
export const PAGES: readonly string[] = FOLDERS.flatMap((folder) =>
  readdirSync(join(REPOSITORY, folder))
    .filter((name) => name.endsWith('.md') && name !== 'SPEC.md')
    .map((name) => (folder === '.' ? name : `${folder}/${name}`)),
)
