import { describe, expect, it, vi } from 'vitest'
import { type CommitOperation, partialsTopic } from '../../src/bus/index.ts'
import { ReportWakes } from '../../src/own/report-wakes.ts'

const append = (topic: string): CommitOperation => ({
  ...{ op: 'append', topic, header: '', payload: Buffer.from(''), watermark: undefined, latest: [] },
})
const report = append(partialsTopic('all'))

describe('report wakes', () => {
  it('W-MERGE-10 wakes those who merge a window, once for several reports', async () => {
    const reports = new ReportWakes()
    const [merging, other, gone] = [vi.fn(), vi.fn(), vi.fn()]
    reports.join({ windows: ['all'], wake: merging })
    reports.join({ windows: ['site'], wake: other })
    const leave = reports.join({ windows: ['all'], wake: gone })
    reports.stored([append('all'), { op: 'drop', hash: 'h' }])
    reports.stored([report, report])
    reports.stored([report])
    leave()
    await expect.poll(() => merging.mock.calls.length).toBe(1)
    reports.stored([report])
    await expect.poll(() => merging.mock.calls.length).toBe(2)
    expect([2, 3].map((partitions) => reports.hasAll(partitions))).toEqual([true, false])
    expect([other, gone].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
  })
})
