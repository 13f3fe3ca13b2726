import fc from 'fast-check'

const deepArrays = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const deepObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

/** Texts that mean something to somebody: names every object has, ends of numbers, half characters, signs of grammars. */
export const NASTY_TEXTS = [
  ...['', ' ', '\0', '\n', '"', "'", '\\', '%', '%00', '%c3', '+', '*', '>', '.*', '.>', '..', '/', '~', '~commands'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length', 'null', 'NaN'],
  ...['\ud800', '\udfff', '\ud83d\ude00', 'e\u0301', '\u202e', '\ufeff', '\u2028', '\ufffd'],
  ...['0', '-0', '-1', '1e400', '0x10', '01', '9007199254740993', '99999999999999', '100000000000000', '1'.repeat(400)],
  ...['0@1/1-0.0', '0@1/0-0.0', '3@1/9999999999999999-99999999999999999999.999999', '9999@a/1-1.1', '0@1', '3@zz'],
  ...['sensor.reading', 'sensor.*', '>', 'user.state', 'high', 'now', 'latest', 'earliest', 'new', '0:', '0.0', '7:x'],
  ...['x'.repeat(129), 'é'.repeat(65), '\u{1f600}'.repeat(33), 'x'.repeat(1_025)],
] as const

/** JSON of values that no field expects, most of them short. */
export const nastyJson: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.constantFrom(
      ...['null', 'true', 'false', '0', '-0', '-1', '1', '1.5', '1e308', '1e400', '-1e400', '5e-324'],
      ...[
        '9007199254740991',
        '9007199254740993',
        '99999999999999',
        '100000000000000',
        '8640000000000001',
        '4294967296',
      ],
      ...[
        '[]',
        '{}',
        '[[]]',
        '[null]',
        '{"":0}',
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"a":1}}}',
      ],
      ...[
        '{"a":1,"a":2}',
        '{"toString":1}',
        '{"length":1e9}',
        '{"then":1}',
        '"\\ud800"',
        '"\\u0000"',
        '[1,2',
        '"',
        '-',
        '',
      ],
      ...['{"positions":{}}', '{"time":0}', '{"time":-1}', '{"positions":{"__proto__":{"low":["0@1/1-0.0"]}}}'],
    ),
  },
  { weight: 8, arbitrary: fc.constantFrom(...NASTY_TEXTS).map((text) => JSON.stringify(text)) },
  { weight: 4, arbitrary: fc.jsonValue({ depthSize: 'small' }).map((value) => JSON.stringify(value)) },
  { weight: 3, arbitrary: fc.double().map((value) => String(value)) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }).map((text) => JSON.stringify(text)) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(64, 65, 320, 321, 1_000, 5_000)
      .chain((depth) => fc.constantFrom(deepArrays(depth), deepObjects(depth))),
  },
)

/** Values of a size at which anything quadratic shows. Rare: each takes as long as a thousand others. */
export const hugeJson: fc.Arbitrary<string> = fc.constantFrom(
  `[${'0,'.repeat(99_999)}0]`,
  `[${'"a",'.repeat(99_999)}"a"]`,
  `[${'[],'.repeat(49_999)}[]]`,
  `[${'"0@1/1-0.0",'.repeat(9_999)}"0@1/1-0.0"]`,
  JSON.stringify('x'.repeat(65_536)),
  JSON.stringify('\ud800'.repeat(65_536)),
  JSON.stringify('é'.repeat(65_536)),
  JSON.stringify('"'.repeat(65_536)),
  JSON.stringify(' '.repeat(65_536)),
  `{${Array.from({ length: 20_000 }, (_, i) => `"k${i}":0`).join()}}`,
  `{${Array.from({ length: 9_000 }, (_, i) => `"topic.t${i}":{"low":["0@1/1-0.0"]}`).join()}}`,
  `{"positions":{${Array.from({ length: 9_000 }, (_, i) => `"topic.t${i}":{"low":["0@1/1-0.0"]}`).join()}}}`,
  deepArrays(100_000),
  '1'.repeat(100_000),
)
