import { crc32 } from 'node:zlib'

/**
 * Checksum of what a producer sent under one seq: the whole of it, whatever is accepted of it and wherever it is stored, and
 * nothing that the gateway stamps. The length beside it makes two contents that only look alike rarer for nothing.
 */
export function checksumOf(topic: string, content: string): string {
  return `${crc32(content, crc32(topic)).toString(36)}-${content.length.toString(36)}`
}

/**
 * The events of a `publish` frame as they stand in its text. Cheaper than to write the parsed ones again, and a client that
 * sends a frame again sends the same text; what may differ, `ageMs` and `refused`, stands outside of what is taken.
 */
export function eventsText(frame: string): string {
  const from = frame.indexOf('"events"')
  return frame.slice(Math.max(0, from), frame.lastIndexOf(']') + 1)
}
