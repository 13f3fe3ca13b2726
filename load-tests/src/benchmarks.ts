import { entities } from './entities/entities.ts'
import { entityFlood } from './entities/entity-flood.ts'
import { entityQueries } from './entities/entity-queries.ts'
import { entityRebuild } from './entities/entity-rebuild.ts'
import { entitySize } from './entities/entity-size.ts'
import { fanout } from './fanout/fanout.ts'
import { growth } from './growth/growth.ts'
import { reads } from './http/beside-load.ts'
import { http } from './http/http.ts'
import { idle } from './idle/idle.ts'
import { ingest, unnamed } from './ingest/ingest.ts'
import { latency } from './latency/latency.ts'
import { nexmark } from './nexmark/nexmark.ts'
import { peers } from './peers/peers.ts'
import { pipeline } from './pipeline/pipeline.ts'
import { priority } from './priority/priority.ts'
import type { BenchmarkName } from './report/headlines.ts'
import { restart } from './restart/restart.ts'
import { resume } from './resume/resume.ts'
import { scaling } from './scaling/scaling.ts'
import { sdk } from './sdk/sdk.ts'
import { slow } from './slow/slow.ts'
import { soak } from './soak/soak.ts'
import type { Benchmark } from './support/benchmark.ts'
import { tokens } from './tokens/tokens.ts'
import { hopping } from './windows/hopping.ts'
import { states } from './windows/states.ts'
import { windows } from './windows/windows.ts'

/** All of them: a name without a headline, or a headline without a benchmark, does not compile. */
export const BENCHMARKS: Readonly<Record<BenchmarkName, Benchmark>> = {
  ingest,
  unnamed,
  pipeline,
  windows,
  hopping,
  states,
  nexmark,
  entities,
  'entity-queries': entityQueries,
  'entity-size': entitySize,
  'entity-flood': entityFlood,
  'entity-rebuild': entityRebuild,
  idle,
  fanout,
  latency,
  growth,
  scaling,
  http,
  reads,
  priority,
  resume,
  restart,
  slow,
  tokens,
  sdk,
  peers,
  soak,
}
