import type { CommitReply } from '../bus/index.ts'
import type { FoldCounters } from './partition-fold.ts'

/** Counters of one worker process, published with its heartbeat. */
export class WorkerStats {
  readonly commits: Record<CommitReply['status'], number> = { ok: 0, fenced: 0, conflict: 0, lineage: 0 }
  readonly folded: FoldCounters = { events: 0, late: 0, panes: 0, deadLetters: 0 }
  /** Longest commit since the last report, ms, resends included. */
  #slowestCommitMs = 0

  /** Counts one commit and takes the fold's counters over. */
  committed(status: CommitReply['status'], tookMs: number, counters: FoldCounters): void {
    this.commits[status]++
    this.#slowestCommitMs = Math.max(this.#slowestCommitMs, tookMs)
    for (const name of Object.keys(counters) as (keyof FoldCounters)[]) {
      this.folded[name] += counters[name]
      counters[name] = 0
    }
  }

  report(): { commits: Record<string, number>; folded: FoldCounters; slowestCommitMs: number } {
    const slowestCommitMs = Math.round(this.#slowestCommitMs * 10) / 10
    this.#slowestCommitMs = 0
    return { commits: this.commits, folded: this.folded, slowestCommitMs }
  }
}
