import { claimPort } from '../claim-port.ts'
import type { Settings } from '../config/settings.ts'
import { FIRST_METRICS_PORT } from '../ops/index.ts'

/** As many are tried as the largest `tidegate start` may need, several times over. */
const PORTS_TRIED = 256

/**
 * Ports for the operators of `tidegate start` and its workers.
 *
 * @throws where one that is named is taken
 */
export async function claimMetricsPorts(
  { adminHost, metricsPort }: Pick<Settings, 'adminHost' | 'metricsPort'>,
  count: number,
): Promise<number[]> {
  if (metricsPort !== undefined) {
    const wanted = Array.from({ length: count }, (_, index) => (metricsPort === 0 ? 0 : metricsPort + index))
    return Promise.all(wanted.map((port) => claimPort(adminHost, port)))
  }
  const found: number[] = []
  for (let port = FIRST_METRICS_PORT; found.length < count; port++) {
    try {
      found.push(await claimPort(adminHost, port))
    } catch (error) {
      if (port >= FIRST_METRICS_PORT + PORTS_TRIED) throw error
    }
  }
  return found
}
