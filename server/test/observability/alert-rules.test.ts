import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alertRules, DASHBOARD } from '../../../scripts/pages/metrics.ts'
import { REPOSITORY } from '../../../scripts/source-files.ts'
import { METRICS, PROCESS_METRICS } from '../../src/observability/metric-names.ts'
import { ALERT_CASES, type AlertCase } from './alert-cases.ts'
import { readExpression } from './promql.ts'
import { checkExpressions, findPromtool, type InputSeries, STEP_S, testRules } from './promtool.ts'

const promtool = await findPromtool()
const rules = alertRules()
const ruleOf = (alert: string) => rules.find((rule) => rule.alert === alert)!

/** The first sample of the trouble, s. */
const BEGINS_S = 21 * STEP_S
const SECONDS = { s: 1, m: 60 } as const

/** How long a rule waits, in whole evaluations, s. */
function waits(alert: string): number {
  const [, count, unit] = /^(\d+)([sm])$/.exec(ruleOf(alert).for ?? '0s')!
  return Math.ceil((Number(count) * SECONDS[unit as keyof typeof SECONDS]) / STEP_S) * STEP_S
}

function expectedAlert(alert: string, { labels, summary }: AlertCase) {
  const rule = ruleOf(alert)
  // A label without a value is none.
  const given = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
  return { exp_labels: { ...rule.labels, ...given }, exp_annotations: { ...rule.annotations, summary } }
}

const named = Object.entries(ALERT_CASES)

describe('alert rules', () => {
  test('M-ALERT-1 rules - have a case each', () => {
    expect(Object.keys(ALERT_CASES).sort()).toEqual(rules.map(({ alert }) => alert).sort())
  })

  test('M-ALERT-1 cases - are of metrics that exist, with the labels that they have', () => {
    const known = new Map(Object.values(METRICS).map(({ name, labels }) => [name as string, Object.keys(labels)]))
    const seriesOf = ({ fires, silent }: AlertCase): readonly InputSeries[] => [...fires, ...silent]
    for (const { series } of named.flatMap(([, one]) => seriesOf(one))) {
      const { metric, matchers } = readExpression(series).selectors[0]!
      const own = matchers.map(({ label }) => label).filter((label) => !['job', 'instance', 'le'].includes(label))
      const documented = known.get(metric.replace(/_(bucket|count)$/, '')) ?? known.get(metric)
      if (documented === undefined) expect(['up', ...Object.keys(PROCESS_METRICS)], series).toContain(metric)
      expect([series, own.sort()]).toEqual([series, [...(documented ?? [])].sort()])
    }
  })
})

describe.skipIf(promtool === undefined)('alert rules, as Prometheus evaluates them', () => {
  test.each(named)(
    'M-ALERT-1 %s - fires for its trouble, after its time, and says what is wrong',
    async (alert, one) => {
      const fireS = BEGINS_S + waits(alert) + 60 * (one.builds ?? 0)
      const before = { eval_time: `${BEGINS_S - STEP_S}s`, alertname: alert, exp_alerts: [] }
      const pending = { eval_time: `${BEGINS_S + waits(alert) - STEP_S}s`, alertname: alert, exp_alerts: [] }
      const firing = { eval_time: `${fireS}s`, alertname: alert, exp_alerts: [expectedAlert(alert, one)] }
      await testRules(promtool, [{ input_series: one.fires, alert_rule_test: [before, pending, firing] }])
    },
  )

  test.each(named)('M-ALERT-1 %s - is silent short of it', async (alert, { silent }) => {
    const times = [5, 10, 20, 40].map((minutes) => `${minutes}m`)
    const tests = times.map((eval_time) => ({ eval_time, alertname: alert, exp_alerts: [] }))
    await testRules(promtool, [{ input_series: silent, alert_rule_test: tests }])
  })

  test('expressions of the dashboard - are PromQL', async () => {
    const { panels } = JSON.parse(readFileSync(join(REPOSITORY, DASHBOARD), 'utf8')) as {
      panels: { targets?: { expr: string }[] }[]
    }
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(expressions.length).toBeGreaterThan(40)
    await checkExpressions(
      promtool,
      expressions.map((expr) => expr.replaceAll('$__rate_interval', '1m')),
    )
  })
})
