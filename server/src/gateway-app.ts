import type { BlockList } from 'node:net'
import type { LogEpoch } from '@tidegate/protocol'
import { Access, type AccessSettings } from './access/index.ts'
import {
  type BreakerLimits,
  type BusClass,
  BusUnavailable,
  type GuardState,
  MAX_PRODUCERS,
  openBus,
} from './bus/index.ts'
import { systemClock } from './clock.ts'
import { Commands } from './commands/index.ts'
import { claimOf } from './config/claim.ts'
import type { Contract } from './config/model.ts'
import { DeadLetters } from './dead-letters/index.ts'
import { Delivery, type DeliveryLimits } from './delivery/index.ts'
import {
  Admission,
  createTransport,
  Gateway,
  Operators,
  PageGuard,
  Readiness,
  SelfReport,
  StaticFiles,
  StatusReader,
  Streams,
  type TransportName,
} from './gateway/index.ts'
import { Canaries, Ingest, PublishControl } from './ingest/index.ts'
import { ClientAddresses, DEFAULT_SETTINGS, type LimitSettings, Limits } from './limits/index.ts'
import { localUrl } from './local-url.ts'
import { LoopTurn } from './loop-turn.ts'
import type { Audit } from './observability/audit.ts'
import { createReport, type Defect } from './observability/defects.ts'
import { GatewayMetrics } from './observability/gateway-metrics.ts'
import { StoredCounts } from './observability/stored-counts.ts'
import { PAGE, version } from './package-files.ts'
import { openPresence } from './presence/index.ts'
import { Queries } from './queries/index.ts'
import { readTls, type TlsFiles } from './tls.ts'
import { TlsWatch } from './tls-watch.ts'
import { Spans, type Tracing } from './tracing/index.ts'
import type { HostPattern, OriginPattern } from './web-origin.ts'

export interface GatewaySettings {
  readonly redisUrl: string
  readonly partitions: number
  /** How long to wait for Redis at the start, ms. */
  readonly redisWaitMs?: number
  /** Called with one line for everything the operator should know. */
  readonly warn?: (line: string) => void
  readonly host: string
  readonly port: number
  /** Origins, besides the gateway's own, whose pages may use it. */
  readonly origins?: readonly OriginPattern[]
  /** Further names that the gateway is reached by. */
  readonly hosts?: readonly HostPattern[]
  /** Other gateways of this machine listen on the same port. */
  readonly sharedPort: boolean
  /** Where operators are answered; absent: at `port`, like everybody. */
  readonly operators?: { readonly host: string; readonly port: number } | undefined
  /** Certificate and key; absent: connections are not encrypted. */
  readonly tls?: TlsFiles | undefined
  /** Name of the cookie that may hold a token. */
  readonly cookie?: string | undefined
  /** What serves sockets and HTTP; absent for uWebSockets.js where its binary loads, else `node:http`. */
  readonly transport?: TransportName | undefined
  /** Name of this process in `welcome` and metrics. */
  readonly node: string
  readonly delivery: DeliveryLimits
  /** Who is let in; absent: everybody, and nobody is asked. */
  readonly access?: AccessSettings
  /** When breakers open, and for how long. */
  readonly breaker?: BreakerLimits
  /** Replicas that must have an event before it is acknowledged. */
  readonly ackReplicas?: number
  /** Used share of Redis' `maxmemory` from which on nothing is published. */
  readonly storageShare?: number
  /** Bytes that the logs of a partition may take; absent for no limit. */
  readonly maxPartitionBytes?: number | undefined
  /** Producers that a partition remembers in a generation. */
  readonly maxProducers?: number
  /** How long an append may take, ms. */
  readonly appendDeadlineMs?: number
  /** Event-loop lag above which new connections are refused, ms. */
  readonly maxLagMs?: number
  /** Minimum share of the partitions that must work for `/readyz` to be 200. */
  readonly readyShare?: number
  /** What addresses, callers and connections may use. */
  readonly limits?: LimitSettings
  /** Proxies of which headers are believed. */
  readonly trustedProxies?: BlockList | undefined
  /** Called once for every change of a breaker. */
  readonly onBreaker?: (state: GuardState) => void
  /** Gets a line for each failed authentication and denied operation; absent: none is written. */
  readonly audit?: Pick<Audit, 'note'>
  /** What records traces; absent: nothing does. */
  readonly tracing?: Tracing | undefined
  /** Called for every error that no code foresaw. MUST NOT throw. */
  readonly onDefect: (defect: Defect) => void
}

export interface RunningGateway {
  readonly port: number
  /** Of the listener for operators, if there is one. */
  readonly operatorsPort: number | undefined
  readonly access: Pick<Access, 'isOpen' | 'isShut'>
  /** Resolves with why it MUST be closed, if it has to. It stores nothing from then on. */
  readonly failed: Promise<Error>
  /** Stops accepting, asks clients to move, answers pending publishes, closes. Idempotent. */
  close(options: { deadlineMs: number }): Promise<void>
}

const DEFAULT_READY_SHARE = 0.5
const DEFAULT_MAX_LAG_MS = 250
const OPEN: AccessSettings = { anonymous: 'everything', toleranceSeconds: 0, rightsClaim: '' }
const DEFAULT_STORAGE_SHARE = 0.8

/** Composition root of a gateway process. Rejects with what to do when Redis, the port or the contract do not fit. */
export async function startGateway(settings: GatewaySettings, contract: Contract): Promise<RunningGateway> {
  const { node, redisWaitMs, breaker, appendDeadlineMs, warn } = settings
  const clock = systemClock
  const loopTurn = new LoopTurn(clock)
  const metrics = new GatewayMetrics(node)
  const report = createReport(settings.onDefect)
  const spans = settings.tracing && new Spans(settings.tracing, clock, report)
  const tls = settings.tls && (await readTls(settings.tls))
  // Changes may come before these exist.
  let recheckCallers: () => void = () => {}
  let tellClients: (busClass: BusClass) => void = () => {}
  let tellPublishers: (at: LogEpoch) => void = () => {}
  let fail: (why: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const bus = await openBus({
    url: settings.redisUrl,
    name: node,
    partitions: settings.partitions,
    contract: claimOf(contract),
    entities: contract.entities,
    channels: ['query', 'append', 'tail', 'replay'],
    replicas: settings.ackReplicas ?? 0,
    ...(redisWaitMs !== undefined && { waitMs: redisWaitMs }),
    ...(breaker !== undefined && { breaker }),
    ...(appendDeadlineMs !== undefined && { deadlinesMs: { append: appendDeadlineMs } }),
    ...(warn !== undefined && { warn }),
    onOusted: (why) => fail(why),
    onBreaker(state) {
      settings.onBreaker?.(state)
      tellClients(state.class)
    },
  })
  const delivery = new Delivery({
    bus,
    contract,
    limits: settings.delivery,
    unreadBytes: (settings.limits ?? DEFAULT_SETTINGS).of.gateway.unreadBytes,
    // Entries that subscribers know are looked up together with publishers' acknowledgements, so that one finding
    // serves both.
    examine: (partition, known) => ingest.examine(partition, known),
    report,
    clock,
    loopTurn,
    storeTimes: bus.startStoreClocks(),
    observer: metrics,
    spans,
  })
  const stored = new StoredCounts(clock)
  const storageShare = settings.storageShare ?? DEFAULT_STORAGE_SHARE
  const ingest: Ingest = new Ingest({
    bus,
    isKept: () => bus.evictionReason === undefined && !bus.isOusted,
    isFull: () => bus.usedShare >= storageShare,
    limits: { maxProducers: settings.maxProducers ?? MAX_PRODUCERS, maxBytes: settings.maxPartitionBytes ?? 0 },
    contract,
    clock,
    report,
    replicas: settings.ackReplicas ?? 0,
    onStored: metrics.onStored,
    onEvents: stored.add,
    spans,
    known: (partition) => delivery.lastTailed(partition),
    onNewEpoch(at) {
      tellPublishers(at)
      commands.epochChanged(at)
    },
  })
  const access = new Access({
    settings: settings.access ?? OPEN,
    rules: contract.access.rules,
    declared: contract,
    store: bus.access(),
    audit: settings.audit,
    now: () => clock.now(),
    onChange: () => recheckCallers(),
    fail: (error) => {
      if (!(error instanceof BusUnavailable)) report('a look at keys and revocations', error)
    },
  })
  const queries = new Queries(bus, contract, report, loopTurn)
  const canaries = new Canaries((partition) => ingest.canary(partition), bus, report)
  const readiness = new Readiness({
    bus,
    readyShare: settings.readyShare ?? DEFAULT_READY_SHARE,
    delivery,
    canaries,
    clock,
  })
  const admission = new Admission(settings.maxLagMs ?? DEFAULT_MAX_LAG_MS)
  const limits = new Limits({ settings: settings.limits ?? DEFAULT_SETTINGS, clock, onRefused: metrics.onRefused })
  const commands: Commands = new Commands({
    bus,
    contract,
    ingest,
    clock,
    report,
    node,
    replicas: settings.ackReplicas ?? 0,
    limits,
    overloadedMs: () => admission.publish(),
    onAnswer: metrics.onCommand,
    spans,
  })
  const presence = openPresence({ bus, contract, clock, report })
  const streams = new Streams(delivery, access, admission, report, presence?.book)
  const pages = new StaticFiles()
  await Promise.all([delivery.start(), commands.start(), access.start(), pages.load(PAGE)])
  await ingest.start()
  canaries.start()
  await readiness.start()

  const routes = {
    access,
    audit: settings.audit,
    contract,
    deadLetters: new DeadLetters({
      ...{ bus, contract, replicas: settings.ackReplicas ?? 0 },
      onEvents: stored.add,
      onUnreadable({ topic, streamId }, { message }) {
        warn?.(`Record batch ${streamId} of ${topic} cannot be read: ${message}. Its dead letters are not listed.`)
      },
    }),
    ingest,
    admission,
    queries,
    commands,
    report,
    readiness,
    delivery,
    pages,
    streams,
    status: new StatusReader(bus, clock),
    onFrame: metrics.onFrame,
    metrics: () => metrics.render(),
  }
  const gateway: Gateway = new Gateway(
    {
      node,
      contractHash: contract.hash,
      clock,
      loopTurn,
      access,
      ingest,
      publishControl: new PublishControl(),
      delivery,
      admission,
      queries,
      commands,
      presence: presence?.book,
      report,
      onFrame: metrics.onFrame,
    },
    { ...routes, operators: settings.operators === undefined ? 'here' : 'elsewhere' },
    new PageGuard({ host: settings.host, origins: settings.origins ?? [], hosts: settings.hosts ?? [] }),
    { limits, addresses: new ClientAddresses(settings.trustedProxies), cookie: settings.cookie },
  )
  recheckCallers = () => gateway.recheckCallers()
  tellClients = (busClass) => gateway.sendBus(bus.breaker(busClass))
  tellPublishers = (at) => gateway.sendEpoch(at)
  const warnOperator = (line: string) => warn?.(line)
  const transport = await createTransport({ name: settings.transport, handlers: gateway, tls, warn: warnOperator })
  const { port } = await transport.listen({ host: settings.host, port: settings.port, shared: settings.sharedPort })
  const operators =
    settings.operators &&
    (await createTransport({
      name: settings.transport,
      handlers: new Operators(
        routes,
        new PageGuard({ host: settings.operators.host, origins: [], hosts: settings.hosts ?? [] }),
        limits,
      ),
      tls,
      warn: () => {},
    }))
  const operatorsPort =
    settings.operators && (await operators!.listen({ ...settings.operators, shared: false }).then(({ port }) => port))
  const watch =
    tls &&
    new TlsWatch({
      tls,
      renew: async (next) => {
        await transport.renew(next)
        await operators?.renew(next)
      },
      warn: warnOperator,
    })
  metrics.observe({
    partitions: settings.partitions,
    breakers: () => bus.breakers,
    connections: () => gateway.connections,
    pendingBytes: () => ingest.pendingBytes,
    pendingCommands: () => commands.pending,
    delivery: () => delivery.stats(),
    limits: () => limits.stats(),
    waitingFrameBytes: () => gateway.waitingFrameBytes,
    present: () => presence?.book.connections() ?? [],
    readiness: () => readiness.report(),
  })
  const selfReport = new SelfReport({
    entry: bus.gatewayEntry(node),
    url: localUrl(tls === undefined ? 'http' : 'https', settings.host, port),
    version: version(),
    bus,
    readiness,
    delivery,
    sessions: () => gateway.connections.websocket + gateway.connections.stream,
    pendingBytes: () => ingest.pendingBytes,
    stored: () => stored.report(),
    onStored: stored.add,
    latency: () => metrics.latency(),
    report,
  })
  watch?.start()
  presence?.start()
  selfReport.start()
  gateway.start()

  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    watch?.close()
    readiness.drain()
    transport.stopListening()
    selfReport.tick()
    await gateway.drain(deadlineMs)
    access.close()
    canaries.close()
    ingest.close()
    readiness.close()
    await Promise.all([delivery.close({ deadlineMs }), commands.close(), selfReport.close()])
    await presence?.close()
    transport.close()
    operators?.close()
    bus.close()
    await spans?.flush()
  }
  return {
    port,
    operatorsPort,
    access,
    failed,
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}
