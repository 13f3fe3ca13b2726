import { endState } from '../tls.ts'
import type { Finding } from './finding.ts'

/** What a process finds on its machine. `undefined` where the system does not say. */
export interface MachineFacts {
  readonly openFiles: number | undefined
  /** Free bytes of the disk of the data folder; absent where Redis is somebody else's. */
  readonly freeBytes?: number | undefined
  /** Why nothing can be written to the data folder. */
  readonly unwritable?: string | undefined
  /** That gateways use; absent without TLS. */
  readonly certificate?: CertificateFacts | undefined
  /** Of Linux: 0, 1 or 2. */
  readonly overcommit?: string | undefined
  /** Of Linux: as `/sys/kernel/mm/transparent_hugepage/enabled` says. */
  readonly hugePages?: string | undefined
}

/** Of a certificate, or why it cannot be used. */
export type CertificateFacts =
  | { readonly kind: 'usable'; readonly file: string; readonly leftMs: number }
  | { readonly kind: 'unusable'; readonly why: string }

/** Fewer are a surprise at some hundred clients. */
const FEW_FILES = 10_000
const LITTLE_DISK = 2 * 1_024 ** 3
const NO_DISK = 200 * 1_024 ** 2
const MIB = 1_024 ** 2
const DAY_MS = 86_400_000

/** What is wrong with a machine as a place for a gateway, a worker and, where it has one, a private Redis. Pure. */
export function machineFindings(facts: MachineFacts): Finding[] {
  return [...files(facts), ...disk(facts), ...certificates(facts), ...kernel(facts)]
}

function* files({ openFiles }: MachineFacts): Iterable<Finding> {
  if (openFiles === undefined || openFiles >= FEW_FILES) return
  yield {
    code: 'few-open-files',
    severity: 'warning',
    what: `A process may open ${openFiles} files here, and each client of a gateway is one.`,
    todo: 'Raise the limit (ulimit -n 65536, LimitNOFILE= of systemd, --ulimit nofile= of docker).',
  }
}

function* disk({ freeBytes, unwritable }: MachineFacts): Iterable<Finding> {
  if (unwritable !== undefined) {
    yield {
      code: 'data-unwritable',
      severity: 'error',
      what: `Nothing can be written to the data folder: ${unwritable}.`,
      todo: 'Look at its owner and permissions, or name another one (--data, TIDEGATE_DATA).',
    }
  }
  if (freeBytes !== undefined && freeBytes < LITTLE_DISK) {
    yield {
      code: 'little-disk',
      severity: freeBytes < NO_DISK ? 'error' : 'warning',
      what: `The disk of the data folder has ${Math.round(freeBytes / MIB)} MiB left: on a full one Redis stores nothing.`,
      todo: 'Make room; writing its file anew needs as much as it has.',
    }
  }
}

function* certificates({ certificate }: MachineFacts): Iterable<Finding> {
  if (certificate === undefined) return
  if (certificate.kind === 'unusable') {
    const todo = 'Mend it: no gateway starts with it.'
    yield { code: 'certificate-unusable', severity: 'error', what: certificate.why, todo }
    return
  }
  const { file, leftMs } = certificate
  const state = endState(leftMs)
  if (state === undefined) return
  const days = Math.floor(leftMs / DAY_MS)
  yield {
    code: 'certificate-ends',
    severity: state === 'over' ? 'error' : 'warning',
    what:
      state === 'over'
        ? `The certificate in ${file} has ended: clients refuse it.`
        : `The certificate in ${file} ends in ${days} ${days === 1 ? 'day' : 'days'}.`,
    todo: 'Renew it: processes read it again without a restart.',
  }
}

function* kernel({ overcommit, hugePages }: MachineFacts): Iterable<Finding> {
  if (overcommit === '0') {
    yield {
      code: 'no-overcommit',
      severity: 'warning',
      what: 'vm.overcommit_memory is 0: Redis may fail to write its file anew when memory is short.',
      todo: 'sysctl vm.overcommit_memory=1, and in /etc/sysctl.conf.',
    }
  }
  if (hugePages?.includes('[always]') === true) {
    yield {
      code: 'huge-pages',
      severity: 'warning',
      what: 'Transparent huge pages are on: Redis is slower and larger while it writes its file anew.',
      todo: 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
    }
  }
}
