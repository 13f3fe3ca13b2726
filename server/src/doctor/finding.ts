/**
 * `error`: it loses what was acknowledged, or serves nobody. `warning`: it may, or costs much. `note`: good to know.
 */
export type Severity = 'error' | 'warning' | 'note'

/** Something that a deployment should not be like. */
export interface Finding {
  /** Stable, for scripts. */
  readonly code: string
  readonly severity: Severity
  /** What is so, and what follows from it. A sentence. */
  readonly what: string
  /** What to do about it. A sentence. */
  readonly todo: string
}

/** Where somebody looked, and what is not as it should be there. */
export interface Examination {
  readonly of: string
  readonly findings: readonly Finding[]
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 }

/** The worst first. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity])
}
