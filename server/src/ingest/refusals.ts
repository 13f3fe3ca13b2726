import { ERROR_CODES, type ErrorCode, type RejectedEvent } from '@tidegate/protocol'

/** Codes by the number they are stored under: new ones go to the end. */
const STORED_CODES: readonly ErrorCode[] = [
  'invalid_event',
  'invalid_data',
  'invalid_time',
  'time_in_future',
  'key_too_long',
  'event_too_large',
  'duplicate_id',
  'unknown_topic',
  'not_publishable',
]

/** The refused events, as the word stored with the producer's state; '' for none. */
export function encodeRefusals(events: readonly RejectedEvent[]): string {
  return events
    .map(({ index, code }) => `${index.toString(36)}-${Math.max(0, STORED_CODES.indexOf(code)).toString(36)}`)
    .join('.')
}

/**
 * The refusals of the first attempt. Events that are refused today as well are reported as today, with more detail.
 *
 * @param today refusals of the same events by today's rules
 */
export function decodeRefusals(word: string, today: readonly RejectedEvent[]): RejectedEvent[] {
  if (word === '') return []
  return word.split('.').map((text) => {
    const [index, number] = text.split('-').map((digits) => Number.parseInt(digits, 36)) as [number, number]
    const code = STORED_CODES[number] ?? 'invalid_event'
    const same = today.find((event) => event.index === index && event.code === code)
    return same ?? { index, code, message: ERROR_CODES[code] }
  })
}
