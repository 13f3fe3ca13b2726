import { claimPort } from '../../claim-port.ts'
import type { Settings } from '../../config/settings/settings.ts'

/**
 * The ports that operators of `tidegate start` and of its workers want: 0 for any, `undefined` for the first free one. Those are
 * not looked for here: until a worker listens, another start might have taken the same.
 *
 * @throws where one that is named is taken
 */
export async function wantedMetricsPorts(
  { adminHost, metricsPort }: Pick<Settings, 'adminHost' | 'metricsPort'>,
  count: number,
): Promise<readonly (number | undefined)[]> {
  const places = Array.from({ length: count }, (_, index) => index)
  if (metricsPort === undefined || metricsPort === 0) return places.map(() => metricsPort)
  return Promise.all(places.map((index) => claimPort(adminHost, metricsPort + index)))
}
