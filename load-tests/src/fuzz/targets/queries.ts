import { ERROR_CODES } from '@tidegate/protocol'
import { Rights } from '../../../../server/src/access/index.ts'
import { type Bus, BusUnavailable, RecordBatchBuilder } from '../../../../server/src/bus/index.ts'
import { parseClientFrame } from '../../../../server/src/gateway/client-frame.ts'
import { answerQuery, Queries } from '../../../../server/src/queries/index.ts'
import { contract } from '../contract.ts'
import { jsonTexts } from '../json-text.ts'
import { must, target } from '../target.ts'
import { query } from './frames.ts'

/** A log of two entries, of which the second has an event that was refused. */
function page(topic: string) {
  const entryOf = (streamId: string, refused: string | undefined) => {
    const builder = new RecordBatchBuilder()
    for (const [i, key] of ['s-1', 's-2'].entries()) {
      const json = JSON.stringify({ id: `e-${i}`, key, time: i, data: { a: 1, temperature: 25 } })
      builder.addSlice([{ key, lane: i === 0 ? 'low' : 'high', time: i, json }])
    }
    return { topic, streamId, epoch: '1', ...builder.build(), refused, watermark: undefined }
  }
  const entries = [entryOf('1732350000001-0', undefined), entryOf('1732350000002-0', '1')]
  return { entries, trimmedTo: '1732350000000-5', epoch: '1' }
}

const away = () => Promise.reject(new BusUnavailable('not_sent', 0, 'away'))

/** What queries ask of Redis, answered at once from little. */
const bus = {
  partitions: 4,
  log: () => ({ page: async (topic: string) => page(topic), version: async () => ({ epoch: '1', runId: '1' }) }),
  results: () => ({ page: async () => ({ results: [], next: '0' }), of: async () => [] }),
  entities: () => ({
    ...{ load: away, trail: async () => [], indexed: async () => ({ keys: [], next: undefined }) },
    ...{ built: async () => undefined, count: async () => 0 },
  }),
} as unknown as Bus

const queries = new Queries(bus, contract, () => must(false, 'code of the config failed') as never).of(
  Rights.EVERYTHING,
)

/** Queries of every name, on a log of two entries. */
export default target<string>({
  name: 'queries',
  inputs: jsonTexts(query),
  async run(text) {
    const checked = parseClientFrame(text)
    if (!checked.ok || checked.frame.type !== 'query') return
    const { name, params = {} } = checked.frame
    const answer = await answerQuery(queries, name, params)
    must(JSON.stringify(answer).length < 300_000, 'an answer has no bound')
    if (answer.type === 'result') return
    must(Object.hasOwn(ERROR_CODES, answer.code), `no code: ${answer.code}`)
    must(answer.message.length < 1_500, 'an answer repeats what was sent')
  },
  covers: [
    ...[
      'answer',
      'queries',
      'entity-queries',
      'params',
      'gap-range',
      'gap-events',
      'history',
      'log-position',
      'stored-events',
    ].map((name) => `server/src/queries/${name}.ts`),
  ],
})
