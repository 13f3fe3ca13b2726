import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { ALERTS } from '../../../scripts/pages/metrics.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { readSettings } from '../../src/config/settings/settings.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../src/supervisor/debian-package.ts'
import { findExecutable } from '../../src/supervisor/executable.ts'

/** How often the rules are evaluated, s. */
export const STEP_S = 15

/** A series of values, as unit tests of Prometheus write them: `0+0x20 7+0x40`. */
export interface InputSeries {
  readonly series: string
  readonly values: string
}

/** What one evaluation at a time has to give. */
export interface RuleTest {
  readonly input_series: readonly InputSeries[]
  readonly alert_rule_test?: readonly {
    readonly eval_time: string
    readonly alertname: string
    readonly exp_alerts: readonly { readonly exp_labels: object; readonly exp_annotations: object }[]
  }[]
  readonly promql_expr_test?: readonly {
    readonly eval_time: string
    readonly expr: string
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[]
  }[]
}

export type Promtool = Awaited<ReturnType<typeof findPromtool>>

/** That of this machine, or of its distribution, unpacked for us. Elsewhere than in CI a missing one is a visible skip. */
export async function findPromtool() {
  const { searchPath, cacheFolder } = readSettings()
  const installed = findExecutable(['promtool'], searchPath)
  if (installed !== undefined) return { command: installed }
  if (!hasDebianPackages() && !process.env.CI) return undefined
  const { root } = await unpackDebianPackages(['prometheus'], cacheFolder)
  return { command: join(root, 'usr/bin/promtool') }
}

/** Evaluates the shipped alert rules, or others, over series. @throws with what promtool says of everything that differs */
export async function testRules(promtool: Promtool, tests: readonly RuleTest[]): Promise<void> {
  const file = {
    rule_files: [join(REPOSITORY, ALERTS)],
    evaluation_interval: `${STEP_S}s`,
    tests: tests.map((test) => ({ interval: `${STEP_S}s`, ...test })),
  }
  await run(promtool, ['test', 'rules'], file)
}

/** @throws on an expression that is not PromQL */
export async function checkExpressions(promtool: Promtool, expressions: readonly string[]): Promise<void> {
  const rules = expressions.map((expr, n) => ({ record: `expression_${n}`, expr }))
  await run(promtool, ['check', 'rules'], { groups: [{ name: 'expressions', rules }] })
}

async function run(promtool: Promtool, words: readonly string[], content: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-promtool-'))
  const file = join(folder, 'content.yml')
  try {
    await writeFile(file, stringify(content, { lineWidth: 0, aliasDuplicateObjects: false }))
    await promisify(execFile)(promtool!.command, [...words, file])
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${stdout ?? ''}${stderr ?? message}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
