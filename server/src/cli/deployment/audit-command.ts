import { userInfo } from 'node:os'
import type { Settings } from '../../config/settings/settings.ts'
import { Audit, type AuditKind } from '../../observability/audit.ts'
import { createLog } from '../../observability/log.ts'

/** Notes that somebody on this machine changes what is stored. Whatever the level of the log is: it was asked for by hand. */
export function auditCommand({ node }: Settings, what: string, kind: AuditKind = 'admin_command'): void {
  new Audit(createLog('info', node, 'command')).note({ kind, subject: userName(), what })
}

/** An account without a name is known by its number. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
