import type { Page } from 'playwright-core'
import { percentile } from '../support/percentile.ts'

export interface Frames {
  readonly fps: number
  /** From one frame to the next, ms. */
  readonly frameMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Tasks of over 50 ms. */
  readonly longTasks: number
  readonly longestTaskMs: number
  /** CPU of the main thread, a share of one core: unlike frames it does not depend on what else the machine does. */
  readonly mainThreadShare: number
  readonly scriptShare: number
}

/** Runs in the page. */
interface Watched {
  readonly gaps: readonly number[]
  readonly tasks: readonly number[]
}

/** Watches the frames of a page for some time. */
export async function watchFrames(page: Page, seconds: number): Promise<Frames> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  const spent = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return new Map(metrics.map(({ name, value }) => [name, value]))
  }
  const before = await spent()
  const { gaps, tasks } = (await page.evaluate(watch(seconds * 1_000))) as Watched
  const after = await spent()
  const share = (name: string) => ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / seconds
  return {
    fps: gaps.length / seconds,
    frameMs: { p50: percentile(gaps, 0.5), p99: percentile(gaps, 0.99), max: Math.max(...gaps) },
    longTasks: tasks.length,
    longestTaskMs: Math.max(0, ...tasks),
    mainThreadShare: share('TaskDuration'),
    scriptShare: share('ScriptDuration'),
  }
}

/** As text: what compiles this file adds names that a page does not have. */
function watch(ms: number): string {
  return `new Promise((resolve) => {
    const [gaps, tasks] = [[], []]
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ entryTypes: ['longtask'] })
    requestAnimationFrame(function first(began) {
      let last = began
      requestAnimationFrame(function next(now) {
        gaps.push(now - last)
        last = now
        if (now - began < ${ms}) requestAnimationFrame(next)
        else resolve({ gaps, tasks })
      })
    })
  })`
}
