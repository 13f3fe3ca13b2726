/** Child process of `bench sdk`: uses one client library and reports the CPU time of this process per event. */
import { connectBare } from './clients/bare.ts'
import { connectCentrifuge } from './clients/centrifuge.ts'
import { connectSocketIo } from './clients/socket-io.ts'
import { connectTidegate } from './clients/tidegate.ts'
import type { ClientName, Connect, MeasuredClient } from './measured-client.ts'
import { readingOf } from './reading.ts'

export interface ClientTask {
  readonly client: ClientName
  readonly port: number
  readonly work: Work
  readonly warmUpMs: number
  readonly measureMs: number
}

export type Work =
  | { readonly kind: 'publish'; readonly inFlight: number; readonly eventsPerCall: number }
  | { readonly kind: 'receive' }

export interface ClientReport {
  readonly eventsPerSec: number
  readonly cpuMicrosPerEvent: number
}

const CONNECT: Readonly<Record<ClientName, Connect>> = {
  ws: connectBare,
  tidegate: connectTidegate,
  socketIo: connectSocketIo,
  centrifuge: connectCentrifuge,
}

async function run({ client: name, port, work, warmUpMs, measureMs }: ClientTask): Promise<ClientReport> {
  const client = await CONNECT[name](port)
  const count = work.kind === 'publish' ? publish(client, work) : await receive(client)
  await pause(warmUpMs)
  const [before, cpuBefore, startedAt] = [count(), process.cpuUsage(), performance.now()]
  await pause(measureMs)
  const events = count() - before
  const { user, system } = process.cpuUsage(cpuBefore)
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    eventsPerSec: Math.round(events / seconds),
    cpuMicrosPerEvent: Math.round(((user + system) / events) * 100) / 100,
  }
}

/** Keeps so many calls unanswered. */
function publish(
  client: MeasuredClient,
  { inFlight, eventsPerCall }: Extract<Work, { kind: 'publish' }>,
): () => number {
  let n = 0
  let answered = 0
  const one = async () => {
    for (;;) {
      await client.publish(Array.from({ length: eventsPerCall }, () => readingOf(n++)))
      answered += eventsPerCall
    }
  }
  for (let i = 0; i < inFlight; i++) void one()
  return () => answered
}

async function receive(client: MeasuredClient): Promise<() => number> {
  let received = 0
  await client.subscribe(({ n }) => {
    if (n >= 0) received++
  })
  return () => received
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

process.once('message', async (task: ClientTask) => {
  process.send!(await run(task), () => process.exit(0))
})
