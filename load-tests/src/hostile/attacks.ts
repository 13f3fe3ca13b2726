import type { Attack } from './scenario.ts'
import { CONNECTION_ATTACKS } from './scenarios/connections.ts'
import { FRAME_ATTACKS } from './scenarios/frames.ts'

export const ATTACKS: readonly Attack[] = [...CONNECTION_ATTACKS, ...FRAME_ATTACKS]

export function attackNamed(name: string): Attack {
  return ATTACKS.find((attack) => attack.name === name)!
}
