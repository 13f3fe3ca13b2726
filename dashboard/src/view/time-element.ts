import { element } from './element.ts'
import { formatDateTime } from './format.ts'

/** A time for people and for programs. @param ms since 1970 */
export function timeElement(ms: number, format = formatDateTime): HTMLElement {
  return element('time', { datetime: new Date(ms).toISOString() }, format(ms))
}
