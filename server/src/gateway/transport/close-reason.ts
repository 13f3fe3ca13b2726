import { TRANSPORT_LIMITS } from './limits.ts'

/** The reason as it fits into a close frame: cut at a whole character. */
export function fitCloseReason(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= TRANSPORT_LIMITS.closeReasonBytes) return reason
  let end: number = TRANSPORT_LIMITS.closeReasonBytes
  while (isContinuation(bytes[end]!)) end--
  return bytes.subarray(0, end).toString()
}

/** A byte of UTF-8 that begins no character. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}
