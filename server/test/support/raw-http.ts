import { createConnection } from 'node:net'

/** Writes text as it is, each part once the one before it is answered, and returns what the server answered until it closed or said nothing for a while. */
export async function rawExchange(
  port: number,
  ...parts: readonly string[]
): Promise<{ readonly text: string; readonly statuses: readonly number[]; readonly closed: boolean }> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  let text = ''
  let closed = false
  let heardAt = performance.now()
  socket.on('data', (data) => {
    text += data.toString()
    heardAt = performance.now()
  })
  socket.on('end', () => {
    closed = true
  })
  socket.on('error', () => {
    closed = true
  })
  for (const part of parts) {
    const before = text.length
    socket.write(Buffer.from(part, 'latin1'))
    for (const since = performance.now(); text.length === before && !closed && performance.now() - since < QUIET_MS; ) {
      await quiet(10)
    }
  }
  while (!closed && performance.now() - heardAt < QUIET_MS) await quiet(20)
  socket.destroy()
  return { text, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status)), closed }
}

/** Longer than an append takes on a busy machine. */
const QUIET_MS = 600
const quiet = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
