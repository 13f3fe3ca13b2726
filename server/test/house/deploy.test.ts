import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { COMMANDS } from '../../src/cli/main.ts'
import { CHILD_DRAIN_MS } from '../../src/cli/processes/child-life.ts'
import { VARIABLES } from '../../src/config/settings/settings.ts'
import { METRICS } from '../../src/observability/metric-names.ts'
import { version } from '../../src/package-files.ts'

const read = (file: string) => readFileSync(join(REPOSITORY, 'deploy', file), 'utf8')
const filesIn = (folder: string) => readdirSync(join(REPOSITORY, 'deploy', folder)).map((name) => `${folder}/${name}`)
const known = new Set(Object.values(VARIABLES).map(({ name }) => name))
const drainSeconds = CHILD_DRAIN_MS / 1_000

/** Names of settings in a text. */
const settingsIn = (text: string) => text.match(/\bTIDEGATE_[A-Z_]+\b/g) ?? []

/** Options of a command that a text names but its usage does not. */
async function unknownOptions(command: string, text: string): Promise<string[]> {
  const { usage } = await COMMANDS[command]!.load()
  return (text.match(/--[a-z-]+/g) ?? []).filter((option) => !usage.includes(option))
}

const units = filesIn('systemd')
const page = readFileSync(join(REPOSITORY, 'docs/deploy.md'), 'utf8')

describe('systemd units', () => {
  test.each(units)('%s - runs a command with options and settings that exist', async (file) => {
    const unit = read(file)
    const [, command, options] = /^ExecStart=\/usr\/bin\/env tidegate (\w+)(.*)$/m.exec(unit)!
    // A config imports tidegate, and finds it beside itself alone.
    const [, folder] = /^WorkingDirectory=(.*)$/m.exec(unit)!
    expect(unit).toContain(`\nEnvironment=PATH=${folder}/node_modules/.bin:`)
    expect(page).toContain(`npm install --prefix ${folder} tidegate zod\ncp tidegate.config.ts ${folder}/\n`)
    expect(await unknownOptions(command!, options!)).toEqual([])
    expect(settingsIn(unit).filter((name) => !known.has(name))).toEqual([])
  })

  test.each(units)('%s - gives it the time that it needs to stop', (file) => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(read(file))![1])).toBeGreaterThan(drainSeconds + 1)
  })

  test.skipIf(!hasSystemd())('units - are what systemd accepts', () => {
    const paths = units.map((file) => join(REPOSITORY, 'deploy', file))
    expect(execFileSync('systemd-analyze', ['verify', ...paths], { encoding: 'utf8', stdio: 'pipe' })).toBe('')
  })
})

function hasSystemd(): boolean {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

describe('Helm chart', () => {
  const templates = filesIn('helm/tidegate/templates').map((file) => [file, read(file)] as const)
  const values = parse(read('helm/tidegate/values.yaml'))

  test('chart - is of the version of the packages', () => {
    expect(parse(read('helm/tidegate/Chart.yaml'))).toMatchObject({ version: version(), appVersion: version() })
  })

  test('values - that templates name exist', () => {
    const named = templates.flatMap(([file, text]) =>
      [...text.matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => [file, path!] as const),
    )
    const valueAt = (path: string) => path.split('.').reduce((value, name) => value?.[name], values)
    expect(named.filter(([, path]) => valueAt(path) === undefined)).toEqual([])
    expect(named.length).toBeGreaterThan(20)
  })

  test('pods - run commands with options and settings that exist', async () => {
    for (const [file, text] of templates) {
      expect([file, settingsIn(text).filter((name) => !known.has(name))]).toEqual([file, []])
      for (const [, command, options] of text.matchAll(/args: \[(\w+)(.*)\]/g)) {
        expect(await unknownOptions(command!, options!)).toEqual([])
      }
    }
  })

  test('pods - have the pause before SIGTERM and the time to stop that they need', () => {
    expect(values.gateway.preStopSeconds).toBeGreaterThan(drainSeconds)
    expect(values.terminationGracePeriodSeconds).toBeGreaterThan(values.gateway.preStopSeconds + drainSeconds + 1)
  })

  test('autoscalers - go by metrics that exist', () => {
    const metrics = templates.flatMap(([, text]) =>
      [...text.matchAll(/metric: \{ name: (\w+) \}/g)].map(([, name]) => name),
    )
    expect(metrics).toEqual([METRICS.connections.name, METRICS.lagSeconds.name])
  })
})
