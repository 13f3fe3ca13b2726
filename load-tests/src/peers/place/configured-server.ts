import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimPort } from '../../../../server/src/claim-port.ts'
import type { PeerServer } from '../subject.ts'
import { findProgram } from './find-program.ts'
import { Program, versionOf } from './program.ts'

export const HOST = '127.0.0.1'

/** What a configuration names. */
export interface Places {
  /** Of the WebSocket. */
  readonly port: number
  /** For clients of the plain protocol. */
  readonly plainPort: number
  /** For its data. */
  readonly folder: string
}

/**
 * Starts a server of one process that stores its events itself.
 *
 * @param name of the program, and of its Debian package
 * @param versionOption with which the program prints its version
 * @param configOf the text of its configuration file
 */
export async function startConfigured(
  name: string,
  versionOption: string,
  configOf: (places: Places) => string,
): Promise<PeerServer> {
  const found = await findProgram(name, [name])
  const folder = await mkdtemp(join(tmpdir(), `tidegate-peers-${name}-`))
  const [port, plainPort] = [await claimPort(HOST, 0), await claimPort(HOST, 0)]
  const config = join(folder, `${name}.conf`)
  await writeFile(config, configOf({ port, plainPort, folder }))
  const run = () => Program.start(found, ['-c', config], port)
  let program = await run()
  return {
    port,
    version: await versionOf(found, versionOption),
    pids: async () => [program.pid],
    killBus: () => program.kill(),
    async restoreBus() {
      program = await run()
    },
    async stop() {
      await program.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
