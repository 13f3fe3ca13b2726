import { connect, createServer, type Server, type Socket } from 'node:net'

const SLICES_PER_SEC = 50

/** A way to a port on this machine over which only so much comes back in a second. */
export class SlowLink {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server
    this.#sockets = sockets
    this.port = (server.address() as { port: number }).port
  }

  static async to(port: number, bytesPerSec: number): Promise<SlowLink> {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          near.destroy()
          far.destroy()
        })
      }
      near.pipe(far)
      const timer = setInterval(() => {
        const slice = far.read(Math.min(far.readableLength, Math.ceil(bytesPerSec / SLICES_PER_SEC))) as Buffer | null
        if (slice !== null) near.write(slice)
      }, 1_000 / SLICES_PER_SEC)
      far.on('readable', () => {})
      far.on('close', () => clearInterval(timer))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return new SlowLink(server, sockets)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
