/**
 * Completes package-lock.json after `npm install`. A registry mirror may lack the binaries of other platforms; npm then
 * leaves them out of the lock, and `npm ci` refuses it ("Missing: ... from lock file"). Every optional dependency
 * that is named but not locked gets an entry, with cpu and os read from its name.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface LockedPackage {
  readonly version?: string
  readonly optional?: boolean
  readonly cpu?: readonly string[]
  readonly os?: readonly string[]
  readonly libc?: readonly string[]
  readonly engines?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const OS = new Set([
  'android',
  'darwin',
  'linux',
  'win32',
  'freebsd',
  'openbsd',
  'netbsd',
  'sunos',
  'aix',
  'openharmony',
])
const CPU = new Set(['arm64', 'x64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64'])
/** uWebSockets.js binaries end in the Node version they are built for. */
const NODE_MAJOR = /^@uwsjs\/.*-(\d+)$/

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, LockedPackage> }

for (const [owner, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    if (lock.packages[`node_modules/${name}`] ?? lock.packages[`${owner}/node_modules/${name}`]) continue
    lock.packages[`node_modules/${name}`] = describe(name, range.replace(/^[~^]/, ''))
    console.log(`added ${name}@${range}`)
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)

function describe(name: string, version: string): LockedPackage {
  const words = name.split(/[-/]/)
  const cpu = words.filter((word) => CPU.has(word))
  const os = words.filter((word) => OS.has(word))
  const major = NODE_MAJOR.exec(name)?.[1]
  return {
    version,
    optional: true,
    ...(cpu.length > 0 && { cpu }),
    ...(os.length > 0 && { os }),
    ...(words.includes('musl') && { libc: ['musl'] }),
    ...(major !== undefined && { engines: { node: `>=${major}.0.0 <${Number(major) + 1}.0.0` } }),
  }
}
