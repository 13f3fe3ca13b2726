/** 72 random bits as text. Not `randomUUID`, which browsers offer to secure pages only. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, '0')).join('')
}
