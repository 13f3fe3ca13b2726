/** The figure for which a benchmark is looked at, by its path in the result: `at100.tidegate.p50Ms`. */
export interface Headline {
  readonly says: string
  readonly figure: string
  readonly control?: string
  /** Of the figure to that of the control. */
  readonly ratio?: string
  /** Whether more of it is better. */
  readonly better: 'more' | 'less'
}

/** By benchmark, in the order of the page. */
export const HEADLINES = {
  ingest: {
    says: 'acknowledged events/s, frames of 100 over 4 sockets',
    figure: 'eventsPerSec',
    control: 'controlEventsPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  unnamed: {
    says: 'the same of producers without a sequence, events/s',
    figure: 'eventsPerSec',
    control: 'controlEventsPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  pipeline: {
    says: 'events/s through gateway, worker and 100 subscribers',
    figure: 'eventsPerSec',
    control: 'controlEventsPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  windows: {
    says: 'events/s of a worker that catches up, 10 s window over 10,000 keys',
    figure: 'eventsPerSec',
    control: 'controlEventsPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  hopping: {
    says: 'events/s of a worker that catches up, 60 s windows every second',
    figure: 'hoppingEventsPerSec',
    control: 'tumblingEventsPerSec',
    better: 'more',
  },
  states: { says: 'MB of a worker with 1,000,000 open states', figure: 'rssMb1000k', better: 'less' },
  latency: {
    says: 'ms from publish to delivery, median at 5,000 events/s',
    figure: 'at5000.tidegate.p50Ms',
    control: 'at5000.stream.p50Ms',
    better: 'less',
  },
  fanout: {
    says: 'frames/s for each second of CPU, 1,000 subscribers',
    figure: 'framesPerCpuSec',
    control: 'controlFramesPerCpuSec',
    ratio: 'ratio',
    better: 'more',
  },
  slow: {
    says: 'ms to the 99th percentile of the others while 200 subscribers stall',
    figure: 'healthyP99Ms',
    control: 'baselineP99Ms',
    ratio: 'ratio',
    better: 'less',
  },
  priority: { says: 'ms to the 99th percentile of high events on a full link', figure: 'highP99Ms', better: 'less' },
  resume: { says: 'resumes/s of 5,000 clients at once', figure: 'resumesPerSec', better: 'more' },
  restart: {
    says: 'ms until `tidegate start` is ready on a log of 1 GB',
    figure: 'readyMs',
    control: 'controlReadyMs',
    better: 'less',
  },
  idle: {
    says: 'bytes of each further subscribed connection',
    figure: 'bytesPerConnection',
    control: 'controlBytesPerConnection',
    better: 'less',
  },
  tokens: {
    says: 'CPU microseconds of the gateway for an event, where it asks for tokens',
    figure: 'publish.asking',
    control: 'publish.open',
    ratio: 'publish.ratio',
    better: 'less',
  },
  growth: {
    says: 'CPU microseconds of the gateway for an event of a frame of 100',
    figure: 'eventsPerFrame.points.100.gateway',
    better: 'less',
  },
  scaling: {
    says: 'CPU seconds of all processes for a million events, three masters and two workers',
    figure: 'masters.points.3.cpuSeconds.total',
    control: 'masters.points.1.cpuSeconds.total',
    better: 'less',
  },
  http: {
    says: 'requests/s of POST /v1/events with one event',
    figure: 'publish1.requestsPerSec',
    control: 'publish1.controlRequestsPerSec',
    ratio: 'publish1.ratio',
    better: 'more',
  },
  reads: {
    says: 'ms to the 99th percentile of deliveries while history is read 200 times a second',
    figure: 'history.deliveryP99Ms',
    control: 'undisturbed.deliveryP99Ms',
    better: 'less',
  },
  sdk: {
    says: 'CPU microseconds of the client for an event, published 200 at a time',
    figure: 'publish200InFlight.cpuMicrosPerEvent',
    control: 'publish200InFlight.controlCpuMicrosPerEvent',
    ratio: 'publish200InFlight.ratio',
    better: 'less',
  },
  entities: {
    says: 'commands/s through gateway and worker',
    figure: 'commandsPerSec',
    control: 'controlPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  'entity-queries': {
    says: 'queries/s of the current state of an entity',
    figure: 'current.perSec',
    control: 'controlPerSec',
    ratio: 'ratio',
    better: 'more',
  },
  'entity-size': {
    says: 'bytes of Redis for each further event of an entity',
    figure: 'bytesPerEvent',
    better: 'less',
  },
  'entity-flood': {
    says: 'ms of a command of another partition while one entity is flooded, in the middle',
    figure: 'othersP50Ms',
    control: 'othersQuietP50Ms',
    ratio: 'othersRatio',
    better: 'less',
  },
  'entity-rebuild': { says: 'entities/s that a worker rebuilds', figure: 'entitiesPerSec', better: 'more' },
  nexmark: {
    says: 'events/s and core, bids through q17',
    figure: 'queries.q17.eventsPerSecPerCore',
    better: 'more',
  },
  peers: {
    says: 'events/s published one by one and acknowledged, beside ws and Redis Streams by hand',
    figure: 'publish-one.tidegate.eventsPerSec',
    control: 'publish-one.ws.eventsPerSec',
    better: 'more',
  },
  soak: {
    says: 'MB/hour by which the resident memory of the gateway grows',
    figure: 'slopes.gatewayResidentMb.perHour',
    better: 'less',
  },
} as const satisfies Readonly<Record<string, Headline>>

export type BenchmarkName = keyof typeof HEADLINES
