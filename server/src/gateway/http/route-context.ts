import type { Access } from '../../access/index.ts'
import type { Commands } from '../../commands/index.ts'
import type { Delivery } from '../../delivery/index.ts'
import type { Ingest } from '../../ingest/index.ts'
import type { ReportDefect } from '../../observability/defects.ts'
import type { Queries } from '../../queries/index.ts'
import type { Admission } from '../admission.ts'
import type { Readiness } from '../readiness.ts'
import type { Streams } from '../sse/streams.ts'
import type { StatusReader } from '../status/status-reader.ts'
import type { DeadLetterContext } from './dead-letters.ts'
import type { StaticFiles } from './static-files.ts'

/** Everything that answers requests. */
export interface RouteContext extends DeadLetterContext {
  readonly access: Pick<Access, 'authenticate' | 'admits' | 'createTicket' | 'isLocal' | 'isOpen'>
  readonly ingest: Ingest
  readonly admission: Admission
  /** Of a publish. */
  readonly onFrame: (outcome: string) => void
  readonly queries: Queries
  readonly commands: Commands
  readonly report: ReportDefect
  readonly readiness: Readiness
  readonly delivery: Pick<Delivery, 'slowest'>
  readonly status: Pick<StatusReader, 'read'>
  readonly pages: StaticFiles
  readonly streams: Streams
  /** Where the routes for operators are: among the others, or at an address of their own. */
  readonly operators: 'here' | 'elsewhere'
  /** Prometheus text. */
  readonly metrics: () => Promise<string>
}
