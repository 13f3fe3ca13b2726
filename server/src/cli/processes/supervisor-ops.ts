import type { Settings } from '../../config/settings/settings.ts'
import { SupervisorMetrics } from '../../observability/supervisor-metrics.ts'
import { type OpsServer, openOpsServer } from '../../ops/index.ts'
import type { Supervisor } from '../../supervisor/supervisor.ts'
import type { Tls } from '../../tls.ts'

export interface SupervisorOpsOptions {
  readonly port: number | undefined
  readonly tls: Tls | undefined
  readonly warn: (line: string) => void
}

/** Where `tidegate start` answers operators. @throws where the port is taken */
export function openSupervisorOps(
  supervisor: Supervisor,
  { adminHost, hosts, node }: Pick<Settings, 'adminHost' | 'hosts' | 'node'>,
  { port, tls, warn }: SupervisorOpsOptions,
): Promise<OpsServer> {
  const children = () => supervisor.children()
  const metrics = new SupervisorMetrics(node, children)
  return openOpsServer({
    host: adminHost,
    port,
    hosts,
    tls,
    readiness: () => ({ ready: children().every(({ isReady }) => isReady), children: children() }),
    metrics: () => metrics.render(),
    warn,
  })
}
