import { z } from 'zod'
import { entity, reject, reply } from '../../src/config/declarations/entity.ts'
import { resolveContract } from '../../src/config/resolve.ts'
import type { Command, CommandBody } from '../../src/entities/index.ts'

interface Counter {
  readonly n: number
  readonly label: string
}

/** Added by an event of version 1, it is never folded. */
export const ENDLESS = -1
/** How many handlers without an end have begun in this process. */
export const endless = { begun: 0 }
/** A label that the index throws for. */
export const UNINDEXABLE = 'unindexable'

/** An entity with every kind of handler that there is. */
export const counter = entity('counter', {
  key: 'counterId',
  version: 2,
  state: { initial: { n: 0, label: '' } as Counter },
  events: { added: z.object({ n: z.number() }), labelled: z.object({ label: z.string() }) },
  evolve: {
    added: (state, { n }) => ({ ...state, n: state.n + n }),
    labelled: (state, { label }) => ({ ...state, label }),
  },
  upcast: {
    added: {
      1: ({ by }: { by: number }) => {
        while (by === ENDLESS);
        return { n: by }
      },
    },
  },
  rejections: ['too_many'],
  commands: {
    add: {
      input: z.object({ n: z.number(), times: z.number().default(1) }),
      decide: (state, { n, times }) =>
        state.n + n > 1_000
          ? reject('too_many', 'It would exceed 1,000.')
          : Array.from({ length: times }, () => ({ type: 'added' as const, data: { n } })),
    },
    label: { input: z.object({ label: z.string() }), decide: (_state, data) => [{ type: 'labelled', data }] },
    status: {
      input: z.object({}),
      decide: ({ n }, _input, { version, now, id }) => reply({ n, version, now, ids: [id(), id()] }),
    },
    fail: {
      input: z.object({ how: z.string() }),
      decide: (state, { how }) => {
        if (how === 'throws') throw new Error('no')
        if (how === 'mutates') (state as { n: number }).n = 7
        if (how === 'endless') for (endless.begun++; ; );
        if (how === 'event') return [{ type: 'gone', data: {} }] as never
        if (how === 'data') return [{ type: 'added', data: { n: 'x' } }] as never
        if (how === 'code') return reject('other', 'no') as never
        return undefined as never
      },
    },
  },
  indexes: {
    label: ({ label }) => {
      if (label === UNINDEXABLE) throw new Error('no value')
      return label === '' ? undefined : label
    },
  },
})

export const { entities: definitions } = resolveContract([], [counter['~entity']])
export const definition = definitions.get('counter')!

let ids = 0

/** A command on counter `a` that was stored at time 1000. */
export function command(name: string, input: unknown, changes: Partial<Command> = {}): Command {
  const body: CommandBody = {
    node: 'gw',
    entity: 'counter',
    command: name,
    input,
    checksum: `${name}${JSON.stringify(input)}`,
    waitMs: 9_000,
  }
  return { id: `c${ids++}`, key: 'a', storedAt: 1_000, ...body, ...changes }
}

export const add = (n: number, changes: Partial<Command> = {}) => command('add', { n }, changes)
