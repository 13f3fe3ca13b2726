/** Calls of a measurement: the fastest one had no garbage to collect and nothing to compile. */
const CALLS = 4

/** CPU time of a call, ms, the least of some: what else runs on the machine does not count. */
export async function cpuMs(call: () => void | Promise<void>, calls = CALLS): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < calls; i++) {
    const before = process.cpuUsage()
    await call()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}
