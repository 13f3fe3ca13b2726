import { isDeepStrictEqual } from 'node:util'
import {
  compareStreamIds,
  formatLogEpoch,
  formatPosition,
  isTopicName,
  isTopicSelector,
  matchesTopic,
  parseLogEpoch,
  parsePosition,
} from '@tidegate/protocol'
import fc from 'fast-check'
import { isStreamId, lastIdBefore, precedingId } from '../../../../server/src/bus/log/mark.ts'
import { formatVersion, parseVersion } from '../../../../server/src/entities/index.ts'
import { parseResumeId, ResumeVector } from '../../../../server/src/gateway/sse/resume-id.ts'
import { edited } from '../json-text.ts'
import { NASTY_TEXTS } from '../nasty.ts'
import { must, target } from '../target.ts'
import { logEpoch, position, positions, selector, TOPICS, version } from '../values.ts'

const resumeId = positions.map((vector) => {
  const resume = new ResumeVector()
  resume.merge(vector)
  return resume.toText() ?? ''
})
const texts = fc.oneof(position, logEpoch, selector, version.map(String), { weight: 4, arbitrary: resumeId })

export default target<string>({
  name: 'positions',
  inputs: fc.oneof(
    { weight: 4, arbitrary: texts },
    { weight: 6, arbitrary: edited(texts) },
    { weight: 1, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('0', '1-', 'a.', 'a!1!', '/', 'a:hnl/0', '0@1/')
        .chain((text) => fc.constantFrom(500, 65_536).map((n) => text.repeat(n / text.length))),
    },
  ),
  run(text) {
    const at = parsePosition(text)
    if (at !== undefined) {
      // Digits in front of a number are lost; the place is the same.
      must(isDeepStrictEqual(parsePosition(formatPosition(at)), at), 'a position changes when it is written')
      if (isStreamId(at.streamId)) must(/^\d+-\d+$/.test(precedingId(at.streamId)), 'what precedes is no stream id')
      must(compareStreamIds(at.streamId, at.streamId) === 0, 'a stream id does not equal itself')
    }
    const log = parseLogEpoch(text)
    if (log !== undefined)
      must(isDeepStrictEqual(parseLogEpoch(formatLogEpoch(log)), log), 'an epoch changes when it is written')
    for (const value of [text, Number(text)]) {
      const version = parseVersion(value)
      if (version?.epoch !== undefined)
        must(parseVersion(formatVersion({ ...version, epoch: version.epoch })) !== undefined, 'a version is none')
    }
    if (isTopicSelector(text))
      for (const topic of TOPICS) must(typeof matchesTopic(text, topic) === 'boolean', 'no answer')
    if (isTopicName(text)) must(isTopicSelector(text), 'a topic is no selector')
    if (/^\d{1,16}$/.test(text)) must(lastIdBefore(Number(text)).includes('-'), 'no stream id')
    resume(text)
  },
  covers: [
    'protocol/src/position.ts',
    'protocol/src/topic-name.ts',
    'server/src/gateway/sse/resume-id.ts',
    'server/src/entities/entity-version.ts',
  ],
})

function resume(text: string): void {
  const vector = parseResumeId(text)
  if (vector === undefined) return
  const resumed = new ResumeVector()
  resumed.merge(vector)
  const written = resumed.toText()
  // Of nothing there is no id.
  if (!resumed.fits || written === undefined || written.endsWith('!')) return
  const again = parseResumeId(written)
  must(again !== undefined, `${written} cannot be read back`)
  const both = new ResumeVector()
  both.merge(again)
  must(both.toText() === written, 'a resume id changes when it is read back')
}
