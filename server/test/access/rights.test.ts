import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { callerOf, type Identity } from '../../src/access/caller.ts'
import { allowsKey, isSameScope, narrowed } from '../../src/access/key-scope.ts'
import { readAllowed } from '../../src/config/access/allowed.ts'
import type { AccessRule } from '../../src/config/declarations/access-options.ts'
import { defineConfig, topic } from '../../src/index.ts'

const schema = z.object({ k: z.string() })
const topics = [
  topic('sensor.reading', { schema, key: 'k' }),
  topic('tenant.acme.orders', { schema, key: 'k' }),
] as const
const rulesOf = (...rules: AccessRule[]) => defineConfig({ topics, access: { rules } }).contract.access.rules
const token = (claims: Record<string, unknown> = {}, subject = 'dev-1'): Identity => ({
  ...{ kind: 'token', subject, claims, grants: [], issuedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER },
})

describe('rights', () => {
  it('ACC-RIGHTS-1 nothing is allowed that no grant allows, and grants add up', () => {
    const { rights } = callerOf(token(), [])
    for (const operation of ['publish', 'subscribe', 'query', 'command', 'admin'] as const) {
      expect(rights.covers(operation, 'sensor.reading')).toBe(false)
    }
    expect([rights.isAdmin, rights.isEmpty]).toEqual([false, true])
    const identity = { ...token(), ...readAllowed({ publish: ['sensor.*'] }, () => {}) } as Identity
    const both = callerOf(identity, rulesOf({ allow: { subscribe: ['sensor.reading'] } })).rights
    expect([both.covers('publish', 'sensor.reading'), both.covers('subscribe', 'sensor.reading')]).toEqual([true, true])
    expect(both.covers('publish', 'tenant.acme.orders')).toBe(false)
  })

  it('ACC-RIGHTS-2 keys are all, one, or those that begin alike; the widest grant counts', () => {
    const scopeOf = (...publish: string[]) =>
      callerOf(token(), rulesOf({ allow: { publish } })).rights.keys('publish', 'sensor.reading')
    expect(scopeOf('sensor.*')).toEqual({ kind: 'all' })
    expect(scopeOf('sensor.*:*')).toEqual({ kind: 'all' })
    expect(scopeOf('sensor.reading:a', 'sensor.*:b')).toEqual({ kind: 'listed', keys: new Set(['a', 'b']) })
    const prefixed = scopeOf('sensor.reading:room-*', 'sensor.reading:x')
    expect(['room-1', 'x', 'room', 'y'].map((key) => allowsKey(prefixed, key))).toEqual([true, true, false, false])
    expect(narrowed(prefixed, new Set(['room-1', 'y']))).toEqual({ kind: 'listed', keys: new Set(['room-1']) })
    expect(scopeOf('sensor.reading:a', 'sensor.*')).toEqual({ kind: 'all' })
    expect(isSameScope(scopeOf('sensor.*:a', 'sensor.*:b'), scopeOf('sensor.*:b', 'sensor.*:a'))).toBe(true)
    expect(isSameScope(scopeOf('sensor.*:a*'), scopeOf('sensor.*:a'))).toBe(false)
  })

  it('ACC-RIGHTS-5 what is asked again is not worked out again, and names that clients choose fill no memory', () => {
    const { rights } = callerOf(token(), rulesOf({ allow: { publish: ['sensor.*:$sub'] } }))
    const scope = rights.keys('publish', 'sensor.reading')
    expect(rights.keys('publish', 'sensor.reading')).toBe(scope)
    expect(rights.keys('subscribe', 'sensor.reading')).toEqual({ kind: 'none' })
    const kept = (count: number) => {
      const names = Array.from({ length: count }, (_, i) => `sensor.s${i}`)
      const scopes = names.map((name) => rights.keys('publish', name))
      return names.filter((name, i) => rights.keys('publish', name) === scopes[i]).length
    }
    expect(kept(10_000)).toBeLessThan(300)
    // Nor do they keep out what others ask for who share these rights.
    expect(rights.keys('publish', 'sensor.later')).toBe(rights.keys('publish', 'sensor.later'))
    const long = `sensor.${'x'.repeat(1_000)}`
    expect(callerOf(token(), rulesOf({ allow: { publish: ['sensor.*:$sub'] } })).rights.keys('publish', long)).toEqual(
      scope,
    )
  })

  it('ACC-RIGHTS-3 placeholders stand for what the token says, literally', () => {
    const rules = rulesOf({ allow: { publish: ['sensor.reading:$sub'], subscribe: ['tenant.$claims.tid.*'] } })
    const seen = (identity: Identity) => {
      const { rights } = callerOf(identity, rules)
      return ['acme', 'b'].filter((name) => rights.covers('subscribe', `tenant.${name}.orders`))
    }
    expect(seen(token({ tid: 'acme' }))).toEqual(['acme'])
    for (const tid of [undefined, '', '*', '>', 'acme.>', 'acme.orders', '$sub', ['acme'], {}, null]) {
      expect(seen(token({ tid }))).toEqual([])
    }
    const keys = (subject: string) => callerOf(token({}, subject), rules).rights.keys('publish', 'sensor.reading')
    expect(keys('dev-1')).toEqual({ kind: 'listed', keys: new Set(['dev-1']) })
    // A star in a subject is no wildcard, nor the key of results over all keys.
    expect(keys('*')).toEqual({ kind: 'none' })
    expect(allowsKey(keys('a*'), 'a*')).toBe(true)
    expect(allowsKey(keys('a*'), 'ab')).toBe(false)
    expect(allowsKey(keys('$claims.tid'), 'acme')).toBe(false)
    const below = (subject: string, allow = 'sensor.reading:$sub/*') =>
      callerOf(token({ tid: 'a/b' }, subject), rulesOf({ allow: { publish: [allow] } })).rights.keys(
        'publish',
        'sensor.reading',
      )
    expect(allowsKey(below('ann'), 'ann/b/c')).toBe(true)
    // Its keys would be among those of `ann`.
    expect(below('ann/b').kind).toBe('none')
    expect(below('ann', 'sensor.reading:$claims.tid/$sub').kind).toBe('none')
    expect(allowsKey(below('ann/b', 'sensor.reading:t/$sub'), 't/ann/b')).toBe(true)
    // Nor are the results over all keys those of somebody whose keys begin with a star.
    expect([below('*', 'sensor.reading:$sub*').kind, below('*', 'sensor.reading:$sub-*').kind]).toEqual([
      'none',
      'prefixed',
    ])
    const inherited = callerOf(token({}), rulesOf({ allow: { publish: ['sensor.reading:$claims.constructor'] } }))
    expect(inherited.rights.isEmpty).toBe(true)
  })

  it('ACC-RIGHTS-7 a value that is not exactly what the token said is none', () => {
    const ofTenant = rulesOf({
      allow: { publish: ['sensor.reading:$claims.tid'], subscribe: ['tenant.$claims.tid.*'] },
    })
    const ofAcme = rulesOf({ when: { tid: 9_007_199_254_740_992 }, allow: { admin: true } })
    const [one, other] = ['9007199254740993', '9007199254740992'].map((tid) => token(JSON.parse(`{"tid":${tid}}`)))
    for (const identity of [one!, other!, token({ tid: -1e300 }), token({ tid: ['x', 2 ** 60] })]) {
      expect(callerOf(identity, [...ofTenant, ...ofAcme]).rights.isEmpty).toBe(true)
    }
    for (const tid of [9_007_199_254_740_991, 0.5, true]) {
      const { rights } = callerOf(token({ tid }), ofTenant)
      expect(rights.keys('publish', 'sensor.reading')).toEqual({ kind: 'listed', keys: new Set([`${tid}`]) })
    }
    expect(callerOf(token({ tid: 'a\ud800' }), ofTenant).rights.isEmpty).toBe(true)
  })

  it('ACC-RIGHTS-4 no two callers share a namespace', () => {
    const key: Identity = { kind: 'key', id: 'i', name: '1', grants: [] }
    const callers = [token({}, 'a'), token({}, 'a:'), token({}, 'key:1'), key, { kind: 'anonymous' } as const]
    const names = callers.flatMap((identity) => ['', 'x', ':x'].map((name) => callerOf(identity, []).namespace + name))
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('rules', () => {
  it('ACC-RULE-1 are for kinds of callers and values of claims', () => {
    const grants = (rule: AccessRule, identity: Identity) => callerOf(identity, rulesOf(rule)).rights.isAdmin
    const anonymous: Identity = { kind: 'anonymous' }
    const allow = { admin: true }
    expect([grants({ allow }, token()), grants({ allow }, anonymous)]).toEqual([true, false])
    expect([grants({ caller: 'anyone', allow }, anonymous), grants({ caller: 'anonymous', allow }, token())]).toEqual([
      true,
      false,
    ])
    const when = (value: AccessRule['when'], claims: Record<string, unknown>) =>
      grants({ when: value!, allow }, token(claims))
    expect(when({ role: 'op' }, { role: 'op' })).toBe(true)
    expect(when({ role: 'op' }, { role: ['dev', 'op'] })).toBe(true)
    expect(when({ role: ['op', 'root'] }, { role: 'root' })).toBe(true)
    expect(when({ role: 'op' }, { role: 'dev' })).toBe(false)
    expect(when({ role: 'op' }, {})).toBe(false)
    expect(when({ level: 1 }, { level: '1' })).toBe(false)
    expect(when({ role: 'op', level: 1 }, { role: 'op' })).toBe(false)
  })

  it('ACC-RULE-2 what cannot be read or covers nothing is a problem with its place', () => {
    const wrong = (rule: unknown) => () => rulesOf(rule as AccessRule)
    expect(wrong({ allow: { publish: ['sensor.raeding'] } })).toThrow(
      /access.rules\[0\]: publish: sensor.raeding covers nothing/,
    )
    expect(wrong({ allow: { publish: 'sensor.*' } })).toThrow(/publish must be a list/)
    // `ab` and `c` would have the keys of `a` and `bc`.
    for (const grant of ['sensor.reading:$claims.a$sub', 'sensor.reading:$sub$claims.a*', 'tenant.$claims.a$sub.*']) {
      expect(wrong({ allow: { publish: [grant] } })).toThrow(/publish/)
    }
    expect(
      wrong({ allow: { publish: ['sensor.reading:$claims.a/$sub', 'sensor.reading:$sub$subject'] } }),
    ).not.toThrow()
    expect(wrong({ allow: { read: ['sensor.*'] } })).toThrow(/unknown operation read/)
    expect(wrong({ allow: { admin: 'yes' } })).toThrow(/admin must be true or false/)
    expect(wrong({ allow: {}, who: 'me' })).toThrow(/unknown option who/)
    expect(wrong({ caller: 'me', allow: {} })).toThrow(/caller must be one of/)
    expect(wrong({ when: { role: {} }, allow: {} })).toThrow(/when.role/)
    expect(wrong({})).toThrow(/allow must say/)
    expect(wrong(null)).toThrow(/allow must say/)
    expect(() => defineConfig({ topics, access: { rules: 1 } as never })).toThrow(/rules must be a list/)
    expect(() => defineConfig({ topics, access: { rule: [] } as never })).toThrow(/unknown option rule;/)
  })

  it('ACC-VIEW-5 what a rule hides is there, and is shown by it', () => {
    const data = z.object({
      k: z.string(),
      email: z.string().optional(),
      of: z.array(z.union([z.null(), z.object({ x: z.number() })])),
    })
    const profile = topic('user.profile', { schema: data, key: 'k' })
    const passed = profile.filter(() => true).to('user.passed', { version: 1 })
    const hiding =
      (hide: unknown, allow: object = { subscribe: ['user.profile'] }) =>
      () =>
        defineConfig({ topics: [profile, passed], access: { rules: [{ allow: { ...allow, hide: hide as never } }] } })
    for (const fields of [['email'], ['of'], ['of.x']]) {
      const [rule] = hiding({ 'user.profile': fields })().contract.access.rules
      expect(rule!.hides).toEqual({ 'user.profile': fields })
    }
    expect(hiding({ 'user.profile': ['emial'] })).toThrow(/user.profile has no field emial/)
    expect(hiding({ 'user.profile': ['of.y'] })).toThrow(/has no field of.y/)
    expect(hiding({ 'user.profile': ['k'] })).toThrow(/k is the key of user.profile/)
    expect(hiding({ 'user.profil': ['email'] })).toThrow(/no topic and no entity user.profil/)
    expect(hiding({ 'user.profile': 'email' })).toThrow(/with a list of its fields/)
    expect(hiding({ 'user.profile': ['email'] }, { publish: ['user.*'] })).toThrow(/nothing here shows user.profile/)
    expect(hiding({ 'user.profile': ['email'] }, { query: ['user.passed'] })).not.toThrow()
  })
})
