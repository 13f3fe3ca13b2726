import { readFile } from 'node:fs/promises'

/** Resident memory of a process, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1_024
}

/** Memory that a Redis uses, bytes. @param info of its memory */
export function usedBytes(info: string): number {
  return Number(/used_memory:(\d+)/.exec(info)![1])
}
