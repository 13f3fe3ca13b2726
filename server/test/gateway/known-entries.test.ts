import { expect, it } from 'vitest'
import { Rights } from '../../src/access/index.ts'
import { parseGrant } from '../../src/config/access/grant.ts'
import { knownEntries } from '../../src/gateway/known-entries.ts'

it('ACC-DOOR-9 a client bears witness to topics to which it may publish, and to answers if it may send commands', () => {
  const acked = ['sensor.reading', 'secret.reading', '~answers'].map((topic, i) => ({ topic, at: `${i}@e/5-0.0` }))
  const witnessed = (rights: Rights) => [...knownEntries(acked, rights).values()].flat().map(({ topic }) => topic)
  const rights = (operation: 'publish' | 'subscribe' | 'command', text: string) =>
    new Rights([parseGrant(operation, text)!])
  expect(witnessed(rights('publish', 'sensor.*:s-1'))).toEqual(['sensor.reading'])
  expect(witnessed(rights('subscribe', '>'))).toEqual([])
  expect(witnessed(rights('command', 'counter.add:s-1'))).toEqual(['~answers'])
  expect(witnessed(Rights.EVERYTHING)).toEqual(['sensor.reading', 'secret.reading', '~answers'])
})
