import type { Access } from './access/index.ts'
import type { Contract } from './config/contract/model.ts'
import { DeadLetters, LetterTopics } from './dead-letters/index.ts'
import { Gateway, Operators, PageGuard, SelfReport, StaticFiles, StatusReader } from './gateway/index.ts'
import { openListeners } from './gateway-app/listeners.ts'
import { type GatewayServices, openServices, startServices } from './gateway-app/services.ts'
import type { GatewaySettings } from './gateway-app/settings.ts'
import { PublishControl } from './ingest/index.ts'
import { ClientAddresses } from './limits/index.ts'
import { localUrl } from './local-url.ts'
import { PAGE, version } from './package-files.ts'
import { readTls } from './tls.ts'

export type { GatewaySettings } from './gateway-app/settings.ts'

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

/** Composition root of a gateway process. Rejects with what to do when Redis, the port or the contract do not fit. */
export async function startGateway(settings: GatewaySettings, contract: Contract): Promise<RunningGateway> {
  const tls = settings.tls && (await readTls(settings.tls))
  let gateway: Gateway | undefined
  let fail: (why: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const services: GatewayServices = await openServices(settings, contract, {
    onOusted: (why) => fail(why),
    onBreaker: (busClass) => gateway?.sendBus(services.bus.breaker(busClass)),
    onNewEpoch: (at) => gateway?.sendEpoch(at),
    onCallersChanged: () => gateway?.recheckCallers(),
  })
  const pages = new StaticFiles()
  await Promise.all([startServices(services), pages.load(PAGE)])
  const routes = routesOf(settings, services, pages)
  gateway = createGateway(settings, services, routes)
  const { hosts = [] } = settings
  const listeners = await openListeners(settings, tls, gateway, ({ host }) => {
    return new Operators(routes, new PageGuard({ host, origins: [], hosts }), services.limits)
  })
  observe(settings, services, gateway)
  const url = localUrl(tls === undefined ? 'http' : 'https', settings.host, listeners.port)
  const selfReport = selfReportOf(settings, services, gateway, url)
  services.presence?.start()
  selfReport.start()
  gateway.start()

  const running = gateway
  let closing: Promise<void> | undefined
  const close = async (deadlineMs: number) => {
    services.readiness.drain()
    listeners.stopListening()
    selfReport.tick()
    await running.drain(deadlineMs)
    await closeServices(services, selfReport, deadlineMs)
    listeners.close()
    services.bus.close()
    await services.spans?.flush()
  }
  const { port, operatorsPort } = listeners
  return {
    port,
    operatorsPort,
    access: services.access,
    failed,
    close: ({ deadlineMs }) => {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}

type Routes = ReturnType<typeof routesOf>

/** What the routes need, for clients and for operators. */
function routesOf({ audit, ackReplicas = 0, warn }: GatewaySettings, services: GatewayServices, pages: StaticFiles) {
  const { bus, clock, contract, metrics, stored } = services
  const deadLetters = new DeadLetters({
    ...{ bus, contract, replicas: ackReplicas },
    onEvents: stored.add,
    onUnreadable({ topic, streamId }, { message }) {
      warn?.(`Record batch ${streamId} of ${topic} cannot be read: ${message}. Its dead letters are not listed.`)
    },
  })
  return {
    ...services,
    audit,
    deadLetters,
    pages,
    status: new StatusReader(bus, clock, new LetterTopics(bus, contract)),
    onFrame: metrics.onFrame,
    metrics: () => metrics.render(),
  }
}

function createGateway(settings: GatewaySettings, services: GatewayServices, routes: Routes): Gateway {
  const { node, host, origins = [], hosts = [], trustedProxies, cookie } = settings
  const { contract, limits, presence } = services
  return new Gateway(
    {
      ...services,
      node,
      contractHash: contract.hash,
      publishControl: new PublishControl(),
      presence: presence?.book,
      onFrame: routes.onFrame,
    },
    { ...routes, operators: settings.operators === undefined ? 'here' : 'elsewhere' },
    new PageGuard({ host, origins, hosts }),
    { limits, addresses: new ClientAddresses(trustedProxies), cookie },
  )
}

function observe({ partitions }: GatewaySettings, services: GatewayServices, gateway: Gateway): void {
  const { bus, ingest, commands, delivery, limits, presence, readiness, metrics } = services
  metrics.observe({
    partitions,
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
}

function selfReportOf({ node }: GatewaySettings, services: GatewayServices, gateway: Gateway, url: string): SelfReport {
  const { bus, readiness, delivery, ingest, stored, metrics, report } = services
  return new SelfReport({
    entry: bus.gatewayEntry(node),
    url,
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
}

/** Clients are gone by now: what they have published is answered, and nothing more is delivered. */
async function closeServices(services: GatewayServices, selfReport: SelfReport, deadlineMs: number): Promise<void> {
  const { access, canaries, ingest, readiness, delivery, commands, presence } = services
  access.close()
  canaries.close()
  ingest.close()
  readiness.close()
  await Promise.all([delivery.close({ deadlineMs }), commands.close(), selfReport.close()])
  await presence?.close()
}
