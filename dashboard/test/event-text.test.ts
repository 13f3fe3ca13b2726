import { describe, expect, test } from 'vitest'
import { eventFields } from '../src/model/event-fields.ts'
import { publishCommand } from '../src/model/example-event.ts'
import type { Topic } from '../src/model/topics.ts'
import { formatCount, formatDuration, formatRate, formatTime, formatValue } from '../src/view/format.ts'

describe('event fields', () => {
  test('data - leaves by their path, in their order', () => {
    expect(eventFields({ id: 7, at: { lat: 52.5, tags: ['x', null] } })).toEqual({
      fields: [
        { name: 'id', value: 7 },
        { name: 'at.lat', value: 52.5 },
        { name: 'at.tags.0', value: 'x' },
        { name: 'at.tags.1', value: null },
      ],
      more: 0,
    })
  })

  test('pane - only its values: key and time stand elsewhere', () => {
    const pane = { key: 'k', start: 0, end: 10, value: { avg: 31.2 }, revision: 0, final: false }
    expect(eventFields(pane).fields).toEqual([{ name: 'avg', value: 31.2 }])
  })

  test('bounds - many fields are cut, and counted', () => {
    expect(eventFields(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, i])))).toMatchObject({
      more: 12,
    })
  })

  test('data - anything else is a single value', () => {
    expect(eventFields('on').fields).toEqual([{ name: '', value: 'on' }])
  })
})

describe('publish command', () => {
  const command = (schema: unknown) => {
    const topic: Topic = { name: 'any.topic', kind: 'source', retentionMs: 1, schema }
    const text = publishCommand('http://here:8080', topic)
    const body = /-d '(.*)'$/.exec(text)![1]!.replaceAll("'\\''", "'")
    return { text, data: (JSON.parse(body) as { data: unknown }).data }
  }

  test('schema - required fields get values of their type', () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string' },
        mail: { type: 'string', format: 'email' },
        level: { type: 'integer', maximum: 10 },
        on: { type: 'boolean' },
        state: { enum: ["it's open", 'closed'] },
        list: { type: 'array', items: { type: 'number' } },
        nothing: { type: ['null', 'string'] },
        either: { anyOf: [{ const: 4 }, { type: 'string' }] },
        left: { type: 'string' },
      },
      required: ['name', 'mail', 'level', 'on', 'state', 'list', 'nothing', 'either'],
    }
    expect(command(schema).data).toEqual({
      name: 'name-1',
      mail: 'someone@example.com',
      level: 10,
      on: true,
      state: "it's open",
      list: [21],
      nothing: null,
      either: 4,
    })
  })

  test('schema - parts of an intersection are put together', () => {
    const part = (field: string) => ({ type: 'object', properties: { [field]: { type: 'string' } }, required: [field] })
    expect(command({ allOf: [part('a'), part('b')] }).data).toEqual({ a: 'a-1', b: 'b-1' })
  })

  test('text - names the gateway and the topic', () => {
    expect(command({ type: 'number' }).text).toBe(
      `curl http://here:8080/v1/events -H 'content-type: application/json' -d '{"topic":"any.topic","data":21}'`,
    )
  })
})

describe('format', () => {
  test.each([
    [formatValue(21.456), '21.46'],
    [formatValue(12_345.67), '12,346'],
    [formatCount(999_999), '999,999'],
    [formatCount(1_234_567), '1.23M'],
    [formatRate(0.2), '0.2'],
    [formatRate(1_234.5), '1,235'],
    [formatDuration(10_000), '10 s'],
    [formatDuration(5_400_000), '90 min'],
    [formatDuration(250), '250 ms'],
    [formatTime(new Date(2026, 0, 31, 7, 5, 9).getTime()), '07:05:09'],
    [formatTime(new Date(2026, 0, 31, 7, 5, 0).getTime(), 60_000), '07:05'],
    [formatTime(new Date(2026, 0, 31).getTime(), 86_400_000), 'Jan 31'],
  ])('numbers and times - %s', (formatted, expected) => {
    expect(formatted).toBe(expected)
  })
})
