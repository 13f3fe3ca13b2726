import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { peerRange, TEMPLATES, version } from '../../package-files.ts'
import { makeWritable } from '../../supervisor/disk-fault.ts'
import { installCommand, type PackageManager } from './package-manager.ts'

export const CONSUMERS = ['plain', 'react', 'node'] as const
export type Consumer = (typeof CONSUMERS)[number]

type Packages = Readonly<Record<string, string>>

const PAGE_TOOLS: Packages = { vite: '^8.0.0' }
const REACT: Packages = { react: '^19.0.0', 'react-dom': '^19.0.0' }
const REACT_TYPES: Packages = { '@types/react': '^19.0.0', '@types/react-dom': '^19.0.0' }
/** Of the oldest Node that is supported: programs beside a page use its modules too. */
const NODE_TYPES: Packages = { '@types/node': '^20.19.0' }
const TOOLS: Packages = { ...NODE_TYPES, tsx: '^4.20.0', typescript: '^6.0.3' }

/** A folder may have these already: it keeps them. */
const KEPT: ReadonlySet<string> = new Set(['package.json', '.gitignore'])

/** A new project: files from the templates, and a package.json. */
export class Project {
  readonly consumer: Consumer
  /** Names of the files it writes, package.json apart. */
  readonly files: readonly string[]
  readonly #folder: string
  readonly #texts: ReadonlyMap<string, string>
  readonly #hasPackage: boolean

  constructor(folder: string, consumer: Consumer) {
    this.consumer = consumer
    this.#folder = folder
    this.#hasPackage = existsSync(join(folder, 'package.json'))
    const texts = [...templates('common'), ...templates(consumer), ['package.json', this.#manifest()] as const]
    this.#texts = new Map(texts.filter(([name]) => !KEPT.has(name) || !existsSync(join(folder, name))))
    this.files = [...this.#texts.keys()].sort()
  }

  /** Writes all files, or none. @throws Error that names the files that exist, or says why the folder cannot be written */
  async write(): Promise<void> {
    await makeWritable({ path: this.#folder, is: 'folder', instead: 'name another one' })
    const existing = this.files.filter((name) => lstatSync(join(this.#folder, name), { throwIfNoEntry: false }))
    if (existing.length > 0)
      throw new Error(
        `${existing.join(', ')} in ${this.#folder} would be replaced. Nothing was written: take another folder.`,
      )
    for (const [name, text] of this.#texts) writeFileSync(join(this.#folder, name), text, { flag: 'wx' })
  }

  /** Whether Node takes its programs for CommonJS, where `await` at the top is an error. */
  get isCommonJs(): boolean {
    return this.#hasPackage && readManifest(this.#folder).type !== 'module'
  }

  /** A package.json that was there gets what it lacks by its package manager, which alone edits it. */
  installCommands(manager: PackageManager): string[] {
    if (!this.#hasPackage) return [installCommand(manager, [])]
    const has = declared(this.#folder)
    const named = (packages: Packages) =>
      Object.entries(packages).flatMap(([name, range]) => (has.has(name) ? [] : [`"${name}@${range}"`]))
    const [dependencies, devDependencies] = [named(this.#dependencies()), named(this.#devDependencies())]
    return [
      ...(dependencies.length > 0 ? [installCommand(manager, dependencies)] : []),
      ...(devDependencies.length > 0 ? [installCommand(manager, devDependencies, true)] : []),
    ]
  }

  #manifest(): string {
    const manifest = {
      name: packageName(this.#folder),
      private: true,
      type: 'module',
      scripts: {
        start: 'tidegate start',
        events: 'tsx publish.ts',
        ...(this.consumer === 'node' ? { listen: 'tsx listen.ts' } : { page: 'vite', build: 'vite build' }),
        types: 'tsc',
      },
      dependencies: this.#dependencies(),
      devDependencies: this.#devDependencies(),
    }
    return `${JSON.stringify(manifest, null, 2)}\n`
  }

  #dependencies(): Packages {
    return sorted({
      tidegate: `^${version()}`,
      '@tidegate/client': `^${version()}`,
      // The WebSocket of publish.ts on Node 20.
      ws: '^8.18.0',
      zod: peerRange('zod'),
      ...(this.consumer === 'react' && REACT),
    })
  }

  #devDependencies(): Packages {
    return sorted({
      ...TOOLS,
      ...(this.consumer !== 'node' && PAGE_TOOLS),
      ...(this.consumer === 'react' && REACT_TYPES),
    })
  }
}

function templates(folder: string): [name: string, text: string][] {
  return readdirSync(join(TEMPLATES, folder)).map((name) => [
    // npm takes no .gitignore into a package.
    name === 'gitignore' ? '.gitignore' : name,
    readFileSync(join(TEMPLATES, folder, name), 'utf8'),
  ])
}

interface Manifest {
  readonly type?: string
  readonly dependencies?: Packages
  readonly devDependencies?: Packages
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

/** Names of the packages that a package.json depends on in any way. */
function declared(folder: string): ReadonlySet<string> {
  const manifest = readManifest(folder)
  return new Set([manifest.dependencies, manifest.devDependencies].flatMap((packages) => Object.keys(packages ?? {})))
}

/** The words of the folder's name: npm allows no others. */
function packageName(folder: string): string {
  const words = basename(folder)
    .toLowerCase()
    .match(/[a-z0-9]+/g)
  return words?.join('-') ?? 'stream'
}

function sorted(packages: Packages): Packages {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
}
