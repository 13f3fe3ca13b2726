import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { readSettings } from '../../src/config/settings/settings.ts'
import { hasDebianPackages, unpackDebianPackages } from '../../src/supervisor/debian-package.ts'
import { findExecutable } from '../../src/supervisor/executable.ts'

/** What playwright-core's `launch` takes. */
interface Chromium {
  readonly executablePath: string
  readonly args: string[]
  readonly env: Record<string, string>
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
/** A browser without any font draws no text. */
const DEBIAN_PACKAGES = ['chromium', 'fonts-dejavu-core']
/** Its sandbox needs a helper that belongs to root, and refuses to run as root itself. Only our own page is loaded. */
const ARGUMENTS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']

let found: Promise<Chromium | undefined> | undefined

/** Whether tests in a browser are skipped: elsewhere than in CI a missing one is a visible skip. */
export async function isChromiumMissing(): Promise<boolean> {
  return !process.env.CI && (await findChromium()) === undefined
}

/** @throws Error where there is none */
export async function launchChromium(...args: readonly string[]): Promise<Browser> {
  const browser = await findChromium()
  if (browser === undefined) throw new Error('There is no Chromium: install it, or set CHROMIUM_PATH.')
  return chromium.launch({ ...browser, args: [...browser.args, ...args] })
}

/** The Chromium at CHROMIUM_PATH or on PATH, else the distribution's, unpacked for us. Undefined when there is none. */
function findChromium(): Promise<Chromium | undefined> {
  found ??= searchChromium()
  return found
}

async function searchChromium(): Promise<Chromium | undefined> {
  const { searchPath, cacheFolder } = readSettings()
  const installed = process.env.CHROMIUM_PATH || findExecutable(NAMES, searchPath)
  if (installed !== undefined) return { executablePath: installed, args: ARGUMENTS, env: environment({}) }
  if (!hasDebianPackages()) return undefined
  console.log(`No chromium on PATH: using the package of this system, unpacked in ${cacheFolder}.`)
  try {
    return await unpackedChromium(cacheFolder)
  } catch (error) {
    console.log((error as Error).message)
    return undefined
  }
}

async function unpackedChromium(cacheFolder: string): Promise<Chromium> {
  const { root, environment: libraries } = await unpackDebianPackages(DEBIAN_PACKAGES, cacheFolder)
  const fontConfig = join(root, 'tidegate-fonts.conf')
  const fontFolders = ['/usr/share/fonts', join(root, 'usr/share/fonts')].map((folder) => `<dir>${folder}</dir>`)
  await writeFile(fontConfig, `<fontconfig>${fontFolders.join('')}</fontconfig>\n`)
  return {
    executablePath: join(root, 'usr/lib/chromium/chromium'),
    args: ARGUMENTS,
    env: environment({ ...libraries, FONTCONFIG_FILE: fontConfig }),
  }
}

function environment(changes: Readonly<Record<string, string>>): Record<string, string> {
  return { ...(process.env as Record<string, string>), ...changes }
}
