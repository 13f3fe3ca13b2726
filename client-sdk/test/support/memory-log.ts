import type { RecordLog } from '../../src/outbox-store/record-log.ts'

/** Lines in memory, with a disk that may be full. */
export class MemoryLog implements RecordLog {
  lines: string[]
  isFull = false

  constructor(lines: readonly string[] = []) {
    this.lines = [...lines]
  }

  append(lines: readonly string[]): void {
    if (this.isFull) throw new Error('ENOSPC')
    this.lines.push(...lines)
  }

  replace(lines: readonly string[]): void {
    if (this.isFull) throw new Error('ENOSPC')
    this.lines = [...lines]
  }

  async flush(): Promise<void> {}
  close(): void {}
}
