import { z } from 'zod'
import { defineConfig, topic } from '../../src/index.ts'

const reading = topic('d.reading', { schema: z.object({ k: z.string(), v: z.number() }), key: 'k' })

/** Throws on events that a later version of itself can take: what `MENDED` names, all of them if it is `all`. */
const rooted = reading
  .map((r) => {
    const mended = process.env.MENDED ?? ''
    if (r.v < 0 && mended !== 'all' && mended !== r.k) throw new Error(`no root of ${r.v}`)
    return { k: r.k, root: Math.sqrt(Math.abs(r.v)) }
  })
  .to('d.root', { version: 1 })
const large = rooted.filter(({ root }) => root >= 3).to('d.large', { version: 1 })
const counted = rooted.window('d.count', { tumbling: '1h', aggregate: { n: 'count' } })

export default defineConfig({ topics: [reading, rooted, large, counted] })
