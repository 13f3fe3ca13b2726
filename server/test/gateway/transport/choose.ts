/** Child process: creates the transport that its argument names, serves one request, and reports what was loaded. */
import { createRequire } from 'node:module'
import { createTransport, type TransportName } from '../../../src/gateway/transport/create-transport.ts'

export interface ChoiceReport {
  /** By its answer: Node says how long it keeps a connection. */
  readonly server?: 'uWebSockets' | 'node'
  readonly lines?: readonly string[]
  readonly loaded?: readonly string[]
  readonly error?: string
}

const PACKAGES = ['uWebSockets.js', 'ws']

async function report(name: TransportName | undefined): Promise<ChoiceReport> {
  const lines: string[] = []
  const handlers = {
    accept: () => true,
    upgrade: () => undefined,
    body: () => ({ came: () => undefined, keep: () => undefined, release: () => {}, close: () => {} }),
    open: () => {
      throw new Error('no sockets here')
    },
    request: async () => ({ kind: 'whole' as const, status: 200, body: '' }),
    defect: String,
  }
  const transport = await createTransport({ name, handlers, warn: (line) => lines.push(line) })
  const { port } = await transport.listen({ host: '127.0.0.1', port: 0, shared: false })
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  const files = Object.keys(createRequire(import.meta.url).cache)
  const loaded = PACKAGES.filter((name) => files.some((file) => file.includes(`/node_modules/${name}/`)))
  return { server: answer.headers.has('keep-alive') ? 'node' : 'uWebSockets', lines, loaded }
}

report(process.argv[2] as TransportName | undefined)
  .catch((error: Error): ChoiceReport => ({ error: error.message }))
  .then((result) => process.send!(result, () => process.exit(0)))
