import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { Shell } from '../../server/test/house/readme/shell.ts'

/** An install on a slow network. */
const DEADLINE_MS = 180_000
/** Where what `tidegate init` writes expects the gateway. */
const PORT = ':8080'

/** An empty folder outside the repository, with one Node first on PATH, and the processes started there. */
export class Place {
  readonly folder: string
  readonly #environment: Readonly<Record<string, string>>
  readonly #shells: Shell[] = []

  constructor(name: string, node: string) {
    this.folder = mkdtempSync(join(tmpdir(), `tidegate-${name}-`))
    this.#environment = {
      PATH: [dirname(node), process.env.PATH].join(delimiter),
      // npm's variables for scripts are about this repository.
      npm_config_user_agent: '',
      npm_lifecycle_event: '',
      REDIS_URL: '',
      CI: 'true',
    }
  }

  /** Runs commands to their end. @returns what they printed @throws Error with it if one fails */
  async run(commands: string): Promise<string> {
    const shell = this.#open(commands)
    await shell.untilDone()
    return shell.output
  }

  /** Runs commands until `close`, and waits until they print a text. */
  async start(commands: string, prints: string): Promise<Shell> {
    const shell = this.#open(commands)
    await shell.untilPrinted(prints)
    return shell
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true })
    writeFileSync(join(this.folder, name), text)
  }

  /** Has the files of the project name another port. */
  moveTo(port: number): void {
    for (const name of readdirSync(this.folder).filter((name) => /\.tsx?$/.test(name)))
      this.write(name, readFileSync(join(this.folder, name), 'utf8').replaceAll(PORT, `:${port}`))
  }

  async close(): Promise<void> {
    for (const shell of this.#shells.reverse()) await shell.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #open(commands: string): Shell {
    const shell = new Shell(commands, this.folder, this.#environment, DEADLINE_MS)
    this.#shells.push(shell)
    return shell
  }
}

/** The executable of a Node version, fetched if it is not this one. */
export function nodeOfVersion(version: string): string {
  if (process.versions.node.split('.')[0] === version) return process.execPath
  const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath']
  return execFileSync('npx', args, { encoding: 'utf8', cwd: tmpdir() }).trim()
}
