import type { Browser } from 'playwright-core'
import { launchChromium } from '../../server/test/support/chromium.ts'
import { freePort } from '../../server/test/support/redis.ts'
import { Place } from './place.ts'

const SHOWN_DEADLINE_MS = 60_000

/** The pages that `tidegate init` writes, built by Vite, show results in Chromium. */
export async function checkPages(tarballs: string): Promise<string[]> {
  const browser = await launchChromium()
  try {
    return [await checkPage('plain', tarballs, browser), await checkPage('react', tarballs, browser)]
  } finally {
    await browser.close()
  }
}

async function checkPage(kind: 'plain' | 'react', tarballs: string, browser: Browser): Promise<string> {
  const place = new Place(`page-${kind}`, process.execPath)
  const [port, pagePort] = [await freePort(), await freePort()]
  try {
    await place.run(`npm install --no-audit --no-fund ${tarballs}`)
    await place.run(`npx tidegate init --page ${kind}`)
    place.moveTo(port)
    await place.run('npx tsc && npx vite build')
    await place.start(`npx tidegate start --port ${port}`, 'Tidegate is at')
    await place.start('npx tsx publish.ts', 'publishing')
    await place.start(`npx vite preview --host 127.0.0.1 --port ${pagePort} --strictPort`, `${pagePort}`)
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('pageerror', ({ message }) => complaints.push(message))
    await page.goto(`http://127.0.0.1:${pagePort}`)
    // Averages: a window has closed since the page was opened, or the snapshot had it.
    const averages = page.locator('#sensors tr', { hasText: /°C.*°C/s })
    await averages.nth(2).waitFor({ timeout: SHOWN_DEADLINE_MS })
    if (complaints.length > 0) throw new Error(complaints.join('\n'))
    return `page ${kind}: built by Vite, shows ${await averages.count()} sensors in Chromium`
  } finally {
    await place.close()
  }
}
