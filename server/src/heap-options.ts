/**
 * Options of Node for gateways and workers. Under load the young generation fills many times a second at Node's 16 MiB;
 * with 32 MiB most events are garbage before they are looked at. With 64 MiB ingest is a tenth faster, but a collection
 * takes so long that acknowledgements come twice as late (P99 at half load), and an idle process keeps some 90 MB more.
 * It has this size from the start, because V8 grows it late and shrinks it again. By default the old generation would
 * fill with garbage to some hundred megabytes before its first collection, and to four times the live data between
 * collections; here it is twice. A gateway with 5,000 stalled clients stays 40 MB smaller, and ingest is as fast.
 */
export const HEAP_OPTIONS = [
  '--initial-old-space-size=64',
  '--heap-growing-percent=100',
  '--max-semi-space-size=32',
  '--min-semi-space-size=32',
] as const

/**
 * For a machine of little memory: with a young generation of 4 MiB the heap of an idle process stays near what lives in it. Ingest is
 * slower under full load.
 */
export const SMALL_HEAP_OPTIONS = ['--max-semi-space-size=4', '--heap-growing-percent=50'] as const

/** Those that a process was not started with, whatever their values. @param given options of Node, as in `process.execArgv` */
export function missingHeapOptions(given: readonly string[]): string[] {
  const names = new Set(given.map(nameOf))
  return HEAP_OPTIONS.filter((option) => !names.has(nameOf(option)))
}

/** V8 takes `_` and `-` alike. */
function nameOf(option: string): string {
  return option.split('=')[0]!.replaceAll('_', '-')
}
