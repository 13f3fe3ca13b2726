import { assertNever } from '../assert-never.ts'
import type { WindowSpec } from '../config/contract/model.ts'
import { HoppingWindow } from './hopping-window.ts'
import { SessionWindow } from './session-window.ts'
import { TumblingWindow } from './tumbling-window.ts'
import type { StateField, WindowOperator } from './window-operator.ts'

/** The operator of a window. @param watermark and stored: as left by an earlier instance, absent for a new one. */
export function createWindow(spec: WindowSpec, watermark?: number, stored: readonly StateField[] = []): WindowOperator {
  switch (spec.type) {
    case 'tumbling':
      return new TumblingWindow(spec, watermark, stored)
    case 'hopping':
      return new HoppingWindow(spec, watermark, stored)
    case 'session':
      return new SessionWindow(spec, watermark, stored)
    default:
      return assertNever(spec)
  }
}
