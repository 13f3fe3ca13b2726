import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { PACKAGE_MANAGERS } from '../../config/settings/settings.ts'

export type PackageManager = (typeof PACKAGE_MANAGERS)[number]

/** How each runs a command of an installed package. */
const RUN: Readonly<Record<PackageManager, string>> = { npm: 'npx', pnpm: 'pnpm', yarn: 'yarn', bun: 'bunx' }

export function runWith(manager: PackageManager): string {
  return RUN[manager]
}

/** Installs packages by name; none installs what `package.json` has. */
export function installCommand(manager: PackageManager, packages: readonly string[], isDev = false): string {
  if (packages.length === 0) return `${manager} install`
  return [manager, manager === 'npm' ? 'install' : 'add', ...(isDev ? ['-D'] : []), ...packages].join(' ')
}

/** Runs commands one after the other, with their output shown. @throws Error that names the one that failed */
export async function installDependencies(folder: string, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    process.stdout.write(`\n${command}\n`)
    // By the shell: on Windows package managers are scripts of it. Nothing in the command comes from outside.
    const child = spawn(command, { cwd: folder, shell: true, stdio: ['ignore', 'inherit', 'inherit'] })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`The files are written, but \`${command}\` failed. Run it again in ${folder}.`)
  }
}
