import { expect, test } from 'vitest'
import { Replay } from '../../src/cli/windows/replay.ts'
import { readReplaySpec } from '../../src/cli/windows/replay-spec.ts'

const deep = JSON.parse('['.repeat(8_000) + ']'.repeat(8_000)) as unknown

test('X-REPLAY-7 replay - a step that nests too deep is refused before anything walks it', () => {
  const replay = new Replay(readReplaySpec('{"type":"tumbling","size":"10s","aggregate":"sum"}'))
  for (const step of [{ clock: deep }, { event: { key: 'a', time: deep } }, { bundle: deep }]) {
    expect(() => replay.step(step)).toThrow('a step nests deeper than 128')
  }
})

test('X-SPEC-1 replay - so is a spec', () => {
  expect(() => readReplaySpec(`{"type":${'['.repeat(8_000) + ']'.repeat(8_000)}}`)).toThrow(
    'the spec nests deeper than 128',
  )
})
