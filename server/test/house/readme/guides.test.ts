import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { REPOSITORY } from '../../../../scripts/source-files.ts'
import { GuideHost } from './guides.ts'
import { readmeModules } from './modules.ts'
import { atPort, lookalike, type Place, runSteps } from './runner.ts'
import { Shell } from './shell.ts'
import { GUIDES, readmeSteps } from './steps.ts'

const PROGRAM = /^npx tsx (\S+)$/

const folder = lookalike()
const host = new GuideHost(folder, writeConfigs())
const shells: Shell[] = []
let place: Place

beforeAll(async () => {
  const port = await host.port
  place = {
    folder,
    here: (text) => atPort(text, port),
    begin(commands) {
      const file = PROGRAM.exec(commands)?.[1]
      if (file !== undefined) return host.run(file)
      const shell = new Shell(commands, folder, {})
      shells.push(shell)
      return shell
    },
  }
})
afterAll(async () => {
  for (const shell of shells) await shell.stop()
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

test.each(GUIDES)('%s - its programs do what it says', async (page) => {
  await runSteps(readmeSteps(read(page)), place)
})

/** The config of each guide that has one, by a name of its own. */
function writeConfigs(): string[] {
  mkdirSync(join(folder, 'configs'))
  return GUIDES.flatMap((page) => {
    const text = readmeModules(read(page))['tidegate.config.ts']
    if (text === undefined) return []
    const path = join(folder, 'configs', `${basename(page, '.md')}.ts`)
    writeFileSync(path, text)
    return [path]
  })
}

function read(page: string): string {
  return readFileSync(join(REPOSITORY, page), 'utf8')
}
