import type { LogEpoch } from '@tidegate/protocol'
import { Access, type AccessSettings } from '../access/index.ts'
import { type Bus, type BusClass, BusUnavailable, MAX_PRODUCERS, openBus } from '../bus/index.ts'
import { type Clock, systemClock } from '../clock.ts'
import { Commands } from '../commands/index.ts'
import { claimOf } from '../config/changes/claim.ts'
import type { Contract } from '../config/contract/model.ts'
import { Delivery } from '../delivery/index.ts'
import { Admission, Readiness, Streams } from '../gateway/index.ts'
import { Canaries, Ingest } from '../ingest/index.ts'
import { DEFAULT_SETTINGS, Limits } from '../limits/index.ts'
import { LoopTurn } from '../loop-turn.ts'
import { createReport, type ReportDefect } from '../observability/defects.ts'
import { GatewayMetrics } from '../observability/gateway-metrics.ts'
import { StoredCounts } from '../observability/stored-counts.ts'
import { type GatewayPresence, openPresence } from '../presence/index.ts'
import { Queries } from '../queries/index.ts'
import { Spans } from '../tracing/index.ts'
import type { GatewaySettings } from './settings.ts'

const OPEN: AccessSettings = { anonymous: 'everything', toleranceSeconds: 0, rightsClaim: '' }
const DEFAULT_READY_SHARE = 0.5
const DEFAULT_MAX_LAG_MS = 250
const DEFAULT_STORAGE_SHARE = 0.8

/** Called for changes that concern clients or the process, possibly before there is a gateway. */
export interface ServiceListener {
  onBreaker(busClass: BusClass): void
  onNewEpoch(at: LogEpoch): void
  /** Keys or revocations changed: connected clients may have to leave. */
  onCallersChanged(): void
  /** The process MUST end. */
  onOusted(why: Error): void
}

/** What every service is made with. */
interface ServiceContext {
  readonly settings: GatewaySettings
  readonly contract: Contract
  readonly listener: ServiceListener
  readonly bus: Bus
  readonly clock: Clock
  readonly loopTurn: LoopTurn
  readonly metrics: GatewayMetrics
  readonly report: ReportDefect
  readonly spans: Spans | undefined
}

/** Everything in a gateway process but its sockets and routes. */
export interface GatewayServices extends Omit<ServiceContext, 'settings' | 'listener'> {
  readonly delivery: Delivery
  readonly ingest: Ingest
  /** Events stored by topic. */
  readonly stored: StoredCounts
  readonly commands: Commands
  readonly access: Access
  readonly queries: Queries
  readonly canaries: Canaries
  readonly readiness: Readiness
  readonly admission: Admission
  readonly limits: Limits
  readonly presence: GatewayPresence | undefined
  readonly streams: Streams
}

/** Opens everything on one bus. Nothing is read or served before `startServices`. @throws when Redis or the contract do not fit */
export async function openServices(
  settings: GatewaySettings,
  contract: Contract,
  listener: ServiceListener,
): Promise<GatewayServices> {
  const clock = systemClock
  const report = createReport(settings.onDefect)
  const spans = settings.tracing && new Spans(settings.tracing, clock, report)
  const bus = await openGatewayBus(settings, contract, listener)
  const loopTurn = new LoopTurn(clock)
  const metrics = new GatewayMetrics(settings.node)
  const shared = { contract, bus, clock, loopTurn, metrics, report, spans }
  const context: ServiceContext = { ...shared, settings, listener }
  const access = openAccess(context)
  const limits = new Limits({ settings: limitsOf(settings), clock, onRefused: metrics.onRefused })
  const admission = new Admission(settings.maxLagMs ?? DEFAULT_MAX_LAG_MS)
  const log = openLog(context, limits, admission)
  const { delivery, ingest } = log
  const canaries = new Canaries((partition) => ingest.canary(partition), bus, report)
  const readyShare = settings.readyShare ?? DEFAULT_READY_SHARE
  const presence = openPresence({ bus, contract, clock, report })
  return {
    ...shared,
    ...log,
    access,
    limits,
    admission,
    canaries,
    presence,
    queries: new Queries(bus, contract, report, loopTurn),
    readiness: new Readiness({ bus, readyShare, delivery, canaries, clock, warn: settings.warn }),
    streams: new Streams(delivery, access, admission, report, presence?.book),
  }
}

export async function startServices(services: GatewayServices): Promise<void> {
  const { delivery, commands, access, ingest, canaries, readiness } = services
  await Promise.all([delivery.start(), commands.start(), access.start()])
  await ingest.start()
  canaries.start()
  await readiness.start()
}

function openGatewayBus(settings: GatewaySettings, contract: Contract, listener: ServiceListener): Promise<Bus> {
  const { node, redisUrl, partitions, redisWaitMs, breaker, appendDeadlineMs, warn } = settings
  return openBus({
    url: redisUrl,
    name: node,
    partitions,
    contract: claimOf(contract),
    entities: contract.entities,
    channels: ['query', 'append', 'tail', 'replay'],
    replicas: settings.ackReplicas ?? 0,
    ...(redisWaitMs !== undefined && { waitMs: redisWaitMs }),
    ...(breaker !== undefined && { breaker }),
    ...(appendDeadlineMs !== undefined && { deadlinesMs: { append: appendDeadlineMs } }),
    ...(warn !== undefined && { warn }),
    onOusted: (why) => listener.onOusted(why),
    onBreaker(state) {
      settings.onBreaker?.(state)
      listener.onBreaker(state.class)
    },
  })
}

/** Writers and readers of the logs, which tell each other what Redis has lost. */
function openLog(
  { settings, contract, listener, bus, clock, loopTurn, metrics, report, spans }: ServiceContext,
  limits: Limits,
  admission: Admission,
): Pick<GatewayServices, 'delivery' | 'ingest' | 'stored' | 'commands'> {
  const storageShare = settings.storageShare ?? DEFAULT_STORAGE_SHARE
  const replicas = settings.ackReplicas ?? 0
  const stored = new StoredCounts(clock)
  const delivery = new Delivery({
    bus,
    contract,
    limits: settings.delivery,
    unreadBytes: limitsOf(settings).of.gateway.unreadBytes,
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
  const ingest: Ingest = new Ingest({
    bus,
    isKept: () => bus.evictionReason === undefined && !bus.isOusted,
    isFull: () => bus.usedShare >= storageShare,
    limits: { maxProducers: settings.maxProducers ?? MAX_PRODUCERS, maxBytes: settings.maxPartitionBytes ?? 0 },
    contract,
    clock,
    report,
    replicas,
    onStored: metrics.onStored,
    onEvents: stored.add,
    spans,
    known: (partition) => delivery.lastTailed(partition),
    onNewEpoch(at) {
      listener.onNewEpoch(at)
      commands.epochChanged(at)
    },
  })
  const commands: Commands = new Commands({
    bus,
    contract,
    ingest,
    clock,
    report,
    node: settings.node,
    replicas,
    limits,
    overloadedMs: () => admission.publish(),
    onAnswer: metrics.onCommand,
    spans,
  })
  return { delivery, ingest, stored, commands }
}

function openAccess({ settings, contract, listener, bus, clock, report }: ServiceContext): Access {
  return new Access({
    settings: settings.access ?? OPEN,
    rules: contract.access.rules,
    declared: contract,
    store: bus.access(),
    audit: settings.audit,
    now: () => clock.now(),
    onChange: () => listener.onCallersChanged(),
    fail: (error) => {
      if (!(error instanceof BusUnavailable)) report('a look at keys and revocations', error)
    },
  })
}

const limitsOf = ({ limits = DEFAULT_SETTINGS }: GatewaySettings) => limits
