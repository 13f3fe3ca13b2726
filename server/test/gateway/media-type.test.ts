import { describe, expect, it } from 'vitest'
import { isJson, parseMediaType } from '../../src/gateway/http/media-type.ts'

const read = (text: string) => {
  const type = parseMediaType(text)
  return type && { essence: type.essence, ...Object.fromEntries(type.parameters) }
}

describe('media types', () => {
  it.each([
    ['application/json', { essence: 'application/json' }],
    ['Application/JSON', { essence: 'application/json' }],
    ['application/json;charset=UTF-8', { essence: 'application/json', charset: 'UTF-8' }],
    ['application/json \t; \tCharset="utf-8" ; a=b', { essence: 'application/json', charset: 'utf-8', a: 'b' }],
    ['text/plain; a="x;y=\\"z\\""; b=c', { essence: 'text/plain', a: 'x;y="z"', b: 'c' }],
    ['application/json;', { essence: 'application/json' }],
    ['application/json;;a=b', { essence: 'application/json', a: 'b' }],
    ['application/cloudevents+json', { essence: 'application/cloudevents+json' }],
  ])('G-HTTP-5 reads %j', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each([
    '',
    'json',
    'application/',
    '/json',
    'a b/c',
    'application/json charset=utf-8',
    'a/b; charset',
    'a/b; c =d',
    'a/b;c="d',
    'a/b, c/d',
    'a/b;c=d;C=e',
  ])('G-HTTP-5 %j is none', (text) => {
    expect(read(text)).toBeUndefined()
  })

  it('G-HTTP-5 knows JSON by its name or its suffix', () => {
    const json = (text: string) => isJson(parseMediaType(text)!)
    expect(['application/json', 'text/json; a=b', 'application/vnd.x+json'].map(json)).toEqual([true, true, true])
    expect(['text/plain', 'application/jsonl', 'application/json+xml'].map(json)).toEqual([false, false, false])
  })
})
