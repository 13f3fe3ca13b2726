import { parseArgs } from 'node:util'
import { ATTACKS } from './attacks.ts'
import { CPU_SHARE } from './pace.ts'
import { type AttackResult, BUDGET_MB, MAX_RATIO, runAttack } from './run-attack.ts'

const { values } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run hostile -- [--list] [--only name]... [--seconds n] [--rounds n] [--json]

Attacks a gateway with the default limits, from an address of its own, while a well-behaved SDK client publishes and reads 100
events per second. Each round is a quiet, in which the attacker computes and sends nothing, and an attack as long. A first one,
'cold', warms the gateway up and is shown apart. Exits 1 unless
nothing of that client is lost in any, the median of its 99th percentiles in the others stays within ${MAX_RATIO} times that of the quiet before (or within 15 ms),
the gateway within ${BUDGET_MB} MB, and no process ends. Attackers take ${CPU_SHARE} of a core at most and come from 127.66.6.6 (Linux only): what they send counts for one address.

  --list        names of the attacks
  --only name   just this one; can be given again
  --seconds n   how long each attack lasts, and the quiet before it (4)
  --rounds n    how often it is measured after that (3)
  --json        one JSON object a line for each attack, no table

Examples:
  npm run hostile
  npm run hostile -- --only slow-headers --only pings --seconds 5`)
  process.exit(0)
}

if (values.list) {
  const width = Math.max(...ATTACKS.map(({ name }) => name.length)) + 2
  for (const { name, about } of ATTACKS) console.log(`${name.padEnd(width)}${about}`)
  process.exit(0)
}

const unknown = values.only.filter((only) => !ATTACKS.some(({ name }) => name === only))
if (unknown.length > 0) {
  console.error(`no attack ${unknown.join(', ')}: --list names them`)
  process.exit(2)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const options = { ms: Number(values.seconds) * 1_000, rounds: Number(values.rounds) }
const results: AttackResult[] = []
let failed = 0
for (const attack of ATTACKS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))) {
  try {
    const result = await runAttack(attack, options)
    results.push(result)
    if (!result.ok) failed++
    console.error(`[hostile] ${attack.name}: ${result.did}${result.ok ? '' : `; ${result.missed.join('; ')}`}`)
    if (values.json) console.log(JSON.stringify(result))
  } catch (error) {
    failed++
    console.error(`[hostile] ${attack.name}: broke off: ${(error as Error).stack}`)
  }
}
if (!values.json) console.log(table(results))
process.exit(failed === 0 ? 0 : 1)

function table(results: readonly AttackResult[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  const head = [
    'attack',
    'p99 before, ms',
    'p99, ms',
    'ratio',
    'ratios',
    'cold p99, ms',
    'cold ratio',
    'echo p99 before, ms',
    'echo p99, ms',
    'gateway lag p99 before, ms',
    'gateway lag p99 (max), ms',
    'CPU before',
    'CPU',
    'core wait before',
    'core wait',
    'attackers',
    'MB',
    'load',
    'refused',
    '',
  ]
  return [
    line(head),
    line(head.map(() => '---')),
    ...results.map((result) => {
      const { attack, calmP99Ms, p99Ms, ratio, ratios, calmCpu, cpu, attackerCpu, peakMb, load, limited, ok } = result
      const { calmEchoP99Ms, echoP99Ms, calmLagP99Ms, gatewayLagP99Ms, gatewayLagMaxMs } = result
      const refused = Object.entries(limited).map(([limit, count]) => `${limit} ${count}`)
      const { coldP99Ms, coldRatio } = result
      const served = [calmP99Ms, p99Ms, ratio, ratios.join(' '), coldP99Ms, coldRatio, calmEchoP99Ms, echoP99Ms]
      const { calmCoreWait, coreWait } = result
      const loop = [calmLagP99Ms, `${gatewayLagP99Ms} (${gatewayLagMaxMs})`, calmCpu, cpu]
      const machine = [calmCoreWait, coreWait, attackerCpu]
      const cells = [...served, ...loop, ...machine, peakMb, load, refused.join(', ')]
      return line([attack, ...cells, ok ? 'ok' : 'NOT OK'])
    }),
  ].join('\n')
}
