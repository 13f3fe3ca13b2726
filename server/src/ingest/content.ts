import { crc32 } from 'node:zlib'

/**
 * Checksum of everything a producer sent under one seq, whichever events are accepted and wherever they are stored,
 * without the gateway's stamps. The length beside it makes collisions rarer at no cost.
 */
export function checksumOf(topic: string, content: string): string {
  return checksum(topic, content, content.length)
}

/** The same of UTF-8. */
export function checksumOfBytes(topic: string, content: Buffer, hasWide: boolean): string {
  return checksum(topic, content, hasWide ? content.toString('utf8').length : content.length)
}

function checksum(topic: string, content: string | Buffer, chars: number): string {
  return `${base36(crc32(content, ofTopic(topic)))}-${base36(chars)}`
}

const DIGITS = Array.from({ length: 36 }, (_, digit) => digit.toString(36))

/** As `toString(36)`, which takes ten times as long. */
function base36(value: number): string {
  let text = ''
  let left = value
  do {
    text = DIGITS[left % 36]! + text
    left = Math.floor(left / 36)
  } while (left > 0)
  return text
}

/** Names of topics and entities, of which a deployment has few. */
const topicSums = new Map<string, number>()
const MAX_TOPICS = 1_024

function ofTopic(topic: string): number {
  const known = topicSums.get(topic)
  if (known !== undefined) return known
  if (topicSums.size >= MAX_TOPICS) topicSums.clear()
  const sum = crc32(topic)
  topicSums.set(topic, sum)
  return sum
}

/**
 * The events of a `publish` frame as they stand in its text. Cheaper than serializing the parsed ones, and a client
 * that resends a frame sends the same text; the fields that may differ, `ageMs` and `refused`, lie outside.
 */
export function eventsText(frame: string): string {
  const from = frame.indexOf('"events"')
  return frame.slice(Math.max(0, from), frame.lastIndexOf(']') + 1)
}
