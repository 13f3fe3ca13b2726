import type { Workload } from '../workload.ts'
import { busKill } from './bus-kill.ts'
import { fanoutOne, fanoutThirty } from './fanout.ts'
import { idle } from './idle.ts'
import { latency } from './latency.ts'
import { publishHalf, publishHundred, publishOne } from './publish.ts'
import { stalled } from './stalled.ts'

export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'publish-one': publishOne,
  'publish-hundred': publishHundred,
  'publish-half': publishHalf,
  'fanout-one': fanoutOne,
  'fanout-thirty': fanoutThirty,
  latency,
  stalled,
  'bus-kill': busKill,
  idle,
}
