import { KEPT_RESULTS } from '../../load-tests/src/report/folders.ts'
import { readResults } from '../../load-tests/src/report/result.ts'
import { LOAD } from '../../load-tests/src/scaling/load.ts'
import { Measured } from '../../load-tests/src/scaling/measured-costs.ts'
import { type Demand, LIMITS, type Size, sizeOf } from '../../load-tests/src/scaling/sizing.ts'

const HOUR = 3_600
const COMMON = { eventBytes: 200, replicas: 1 }
/** About 10, 100 and 1,000 processes. */
export const DEMANDS: readonly Demand[] = [
  {
    ...COMMON,
    ...{
      eventsPerSec: 10_000,
      deliveriesPerSec: 400_000,
      connections: 20_000,
      retentionSeconds: 2 * HOUR,
      readShare: 0.5,
    },
  },
  {
    ...COMMON,
    ...{
      eventsPerSec: 40_000,
      deliveriesPerSec: 8e6,
      connections: 200_000,
      retentionSeconds: 12 * HOUR,
      readShare: 0.5,
    },
  },
  {
    ...COMMON,
    ...{ eventsPerSec: 100_000, deliveriesPerSec: 5e8, connections: 5e6, retentionSeconds: 24 * HOUR, readShare: 0.1 },
  },
]

const count = (value: number) => value.toLocaleString('en')
const gib = (bytes: number) => `${count(Math.ceil(bytes / 2 ** 30))} GiB`
const mbit = (bytesPerSec: number) => `${count(Math.ceil((bytesPerSec * 8) / 1e6))} Mbit/s`

/** The body of `docs/sizing.md`. @param table of Markdown */
export function sizingText(table: (head: readonly string[], rows: readonly (readonly string[])[]) => string): string {
  const measured = new Measured(readResults(KEPT_RESULTS))
  const costs = measured.costs(LOAD.eventBytes)
  const sizes = DEMANDS.map((demand) => {
    const size = sizeOf(demand, costs)
    if (typeof size === 'string') throw new Error(size)
    return size
  })
  const beside = (workers: number) => measured.of('scaling', `workers.points.${workers}.besideFirst`)
  const micros = (value: number) => value.toFixed(value < 1 ? 2 : 1)
  const row = (name: string, of: (demand: Demand, size: Size) => string) => [
    name,
    ...DEMANDS.map((demand, i) => of(demand, sizes[i]!)),
  ]
  const processes = ({ gateways, workers, redisNodes }: Size) => gateways + workers + redisNodes
  return `## What an event costs

CPU on a core of the machine of [benchmarks](benchmarks.md), in frames of 100 events of ${LOAD.eventBytes} bytes, with one window over them:

${table(
  ['', 'what', 'microseconds'],
  [
    ['P', 'a gateway takes a published event', micros(costs.publishMicros)],
    ['R', 'a gateway reads an event that a client of it subscribes to', micros(costs.readMicros)],
    ['D', 'a gateway writes it to a socket, 30 in a frame', micros(costs.deliverMicros)],
    ['F', 'a worker folds it', micros(costs.foldMicros)],
    ['S', 'Redis stores it, and has a worker read and commit it', micros(costs.storeMicros)],
    ['T', 'Redis gives it to a gateway', micros(costs.fetchMicros)],
  ],
)}

A worker that has little to do costs more for an event, since it reads and commits as often: of 5,000 events a second, all processes with two
workers took ${beside(2)} times the CPU that they took with one, and ${beside(4)} times with four. F is that of two.

A subscribed connection takes ${count(costs.connectionBytes)} bytes of a gateway, and an event ${count(costs.entryBytes)} bytes of Redis beside its JSON.

## The formula

With E events and N deliveries a second, C connections, events of B bytes kept for K seconds, a share r of the events that the clients
of each gateway subscribe to, and a process that uses ${LIMITS.coreShare * 100} % of a core:

- **gateways** G: (E P + N D) / (${LIMITS.coreShare} s - E r R), or C / ${count(LIMITS.gatewayConnections)} if that is more; at least two.
- **workers**: E F / ${LIMITS.coreShare} s; at least two.
- **masters** of Redis: E (S + G r T) / ${LIMITS.coreShare} s, or E K (B + ${count(costs.entryBytes)}) / (${LIMITS.memoryShare} of ${gib(LIMITS.redisBytes)}) if that is more; replicas
  of each beside them.
- **partitions**: three for each worker or master, whichever are more. More of them take [minutes of downtime](operations.md#more-partitions).
- **network**: clients send E (B + 60) bytes a second and get N (B + 60); Redis moves E B (2 + replicas + r G).

Each gateway reads what its clients subscribe to, however many gateways there are. So one limit does not move with their number:
${count(Math.floor((LIMITS.coreShare * 1e6) / costs.readMicros))} events a second that are subscribed to at every gateway. Beyond it, clients of different topics belong at different gateways.

## On paper

${table(
  ['', ...sizes.map((size) => `${count(processes(size))} processes`)],
  [
    row('events/s', ({ eventsPerSec }) => count(eventsPerSec)),
    row('bytes of an event', ({ eventBytes }) => count(eventBytes)),
    row('deliveries/s', ({ deliveriesPerSec }) => count(deliveriesPerSec)),
    row('connections', ({ connections }) => count(connections)),
    row('kept for', ({ retentionSeconds }) => `${retentionSeconds / HOUR} h`),
    row('share that each gateway reads', ({ readShare }) => `${readShare * 100} %`),
    row('**gateways**', (_, { gateways }) => count(gateways)),
    row('**workers**', (_, { workers }) => count(workers)),
    row(
      '**Redis**, masters and replicas',
      (_, { masters, redisNodes }) => `${count(masters)} + ${count(redisNodes - masters)}`,
    ),
    row('partitions', (_, { partitions }) => count(partitions)),
    row('memory of Redis in use', (_, { storedBytes }) => gib(storedBytes)),
    row('memory of connections', (_, { gatewayBytes }) => gib(gatewayBytes)),
    row('network in', (_, { network }) => mbit(network.in)),
    row('network out', (_, { network }) => mbit(network.out)),
    row('network of Redis', (_, { network }) => mbit(network.redis)),
  ],
)}

Nobody has run the last two. What is left out: queries and replays, entities, smaller frames (a frame of one event costs a gateway several
times as much), state of windows, TLS. Measure with your own events before you buy: \`npm run bench -- scaling\`.`
}
