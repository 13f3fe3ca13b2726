import { describe, expect, it } from 'vitest'
import { PartitionFold } from '../../src/fold/partition-fold.ts'
import { Pipeline } from '../../src/fold/pipeline.ts'
import { foldWithSuspicion } from '../../src/fold/suspect-fold.ts'
import { defineConfig } from '../../src/index.ts'
import { appended, batchOf, eventOf, FakeStore, reading } from '../support/fold.ts'

class ProcessEnds extends Error {}

const same = reading.map((r) => r).to('a.same', { version: 1 })
const pipeline = new Pipeline(defineConfig({ topics: [reading, same] }).contract)
const batch = batchOf('a.reading', ...[0, 1, 2, 3].map((i) => eventOf(i, 'k', i)))

/** Owners one after another, each of which ends when it folds the event with index `deadly`. */
async function fold(deadly: number | undefined, owners: number) {
  let suspect = ''
  for (let owner = 1; owner <= owners; owner++) {
    const partition = new PartitionFold(pipeline, 0, 1, new FakeStore().load())
    const foldEvent = partition.foldEvent.bind(partition)
    partition.foldEvent = (topic, event) => {
      if (event.id === `${deadly}`) throw new ProcessEnds()
      foldEvent(topic, event)
    }
    const note = async (text: string) => {
      suspect = text
      return undefined
    }
    try {
      await foldWithSuspicion(partition, batch, suspect, note)
    } catch (error) {
      if (!(error instanceof ProcessEnds)) throw error
      continue
    }
    const operations = partition.takeOperations()
    const idsIn = (topic: string) => appended(operations, topic).map(({ id }) => id)
    return { owner, folded: idsIn('a.same'), dead: idsIn('a.reading~dead'), offset: partition.offsets.get('a.reading') }
  }
  return undefined
}

describe('suspect fold', () => {
  it('W-SUSPECT-1 buries the event that ended two owners, and only it', async () => {
    const offset = batch.streamId
    expect(await fold(2, 2)).toBeUndefined()
    expect(await fold(2, 3)).toEqual({ owner: 3, folded: ['0', '1', '3'], dead: ['2'], offset })
  })

  it('W-SUSPECT-1 folds everything when nothing kills', async () => {
    expect(await fold(undefined, 1)).toMatchObject({ folded: ['0', '1', '2', '3'], dead: [] })
  })

  it('W-SUSPECT-1 stops before the event when another worker owns the partition', async () => {
    const partition = new PartitionFold(pipeline, 0, 1, new FakeStore().load())
    expect(await foldWithSuspicion(partition, batch, '', async () => 'fenced')).toBe('fenced')
    expect(partition.isDirty).toBe(false)
  })
})
