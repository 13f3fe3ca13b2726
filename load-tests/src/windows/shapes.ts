import { topic } from 'tidegate'
import { z } from 'zod'

/** The common part of these benchmarks' configs. */
export const reading = topic('sensor.reading', {
  schema: z.object({ sensorId: z.string(), temperature: z.number(), humidity: z.number() }),
  key: 'sensorId',
  priority: 'low',
  retention: '1d',
})

export const fourAggregates = {
  outOfOrderness: '2s',
  aggregate: { avg: { avg: 'temperature' }, min: { min: 'temperature' }, max: { max: 'temperature' }, count: 'count' },
} as const
