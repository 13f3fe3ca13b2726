import { LIMITS } from '@tidegate/protocol'
import {
  COMPARISONS,
  type Comparison,
  type Expression,
  type FieldPath,
  type Operand,
  ROOTS,
  type Root,
  type Scalar,
} from './expression.ts'
import { FilterError } from './filter-error.ts'
import { describe, type Sign, type Token, tokenise } from './lexer.ts'

const CONSTANTS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ['true', true],
  ['false', false],
  ['null', null],
])
const A_FIELD = `a field (${ROOTS.join(', ')})`
const A_CONDITION = `${A_FIELD}, a value, has(...), startsWith(...), ! or (`

/**
 * Parses a filter:
 *
 * ```
 * or        = and { "||" and }
 * and       = not { "&&" not }
 * not       = "!" ( not | group | has | starts ) | group | has | starts | condition
 * group     = "(" or ")"
 * has       = "has" "(" field ")"
 * starts    = "startsWith" "(" field "," string ")"
 * condition = operand ("==" | "!=" | "<" | "<=" | ">" | ">=") operand | field "in" "[" scalar { "," scalar } "]"
 * operand   = field | scalar
 * field     = "id" | "key" | "time" | "source" | "data" { "." word | "[" string "]" }
 * scalar    = string | number | "true" | "false" | "null"
 * ```
 *
 * `!` does not stand before a bare condition: most languages would read `!a == b` as `(!a) == b`.
 *
 * @throws FilterError also for what is longer, deeper or of more terms than `LIMITS` allows
 */
export function parseFilter(text: string): Expression {
  if (text.length > LIMITS.filterChars) {
    throw new FilterError(LIMITS.filterChars, `at most ${LIMITS.filterChars} characters`, `${text.length}`)
  }
  return new Parser(tokenise(text)).parse()
}

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0
  #terms = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): Expression {
    const expression = this.#or()
    if (this.#peek().kind !== 'end') this.#fail('&&, || or the end')
    return expression
  }

  #or(): Expression {
    return this.#chain('or', '||', () => this.#and())
  }

  #and(): Expression {
    return this.#chain('and', '&&', () => this.#not())
  }

  #chain(kind: 'and' | 'or', sign: Sign, term: () => Expression): Expression {
    const terms = [term()]
    while (this.#takes(sign)) terms.push(term())
    return terms.length === 1 ? terms[0]! : { kind, terms }
  }

  #not(): Expression {
    if (this.#isSign('!')) return { kind: 'not', term: this.#nested(() => this.#negated()) }
    return this.#isSign('(') ? this.#nested(() => this.#group()) : (this.#call() ?? this.#condition())
  }

  #negated(): Expression {
    if (this.#isSign('!') || this.#isSign('(')) return this.#not()
    return this.#call() ?? this.#fail('has(...), startsWith(...), ! or ( after !')
  }

  #group(): Expression {
    const inner = this.#or()
    this.#take(')', '&&, || or )')
    return inner
  }

  /** Takes the sign and reads what follows, one level deeper. */
  #nested(read: () => Expression): Expression {
    if (++this.#depth > LIMITS.filterDepth) this.#fail(`at most ${LIMITS.filterDepth} ! and ( inside each other`)
    this.#next++
    const expression = read()
    this.#depth--
    return expression
  }

  #countTerm(): void {
    if (++this.#terms > LIMITS.filterTerms) this.#fail(`at most ${LIMITS.filterTerms} conditions`)
  }

  #call(): Expression | undefined {
    if (this.#takesCall('has')) {
      const field = this.#field()
      this.#take(')')
      return { kind: 'has', field }
    }
    if (this.#takesCall('startsWith')) {
      const field = this.#field()
      this.#take(',')
      const prefix = this.#string()
      this.#take(')')
      return { kind: 'startsWith', field, prefix }
    }
    return undefined
  }

  #condition(): Expression {
    this.#countTerm()
    const left = this.#operand(A_CONDITION)
    const token = this.#peek()
    if (left.kind === 'field' && token.kind === 'word' && token.text === 'in') {
      this.#next++
      return { kind: 'in', field: left, values: this.#list() }
    }
    const operator = this.#comparison(left.kind === 'field' ? `${COMPARISONS.join(' ')} or in` : COMPARISONS.join(' '))
    return { kind: 'compare', operator, left, right: this.#operand(`${A_FIELD} or a value`) }
  }

  #comparison(expected: string): Comparison {
    const token = this.#peek()
    const operator = token.kind === 'sign' ? COMPARISONS.find((candidate) => candidate === token.text) : undefined
    if (operator === undefined) this.#fail(expected)
    this.#next++
    return operator
  }

  #list(): Scalar[] {
    this.#take('[')
    const values = [this.#scalar()]
    while (this.#takes(',')) values.push(this.#scalar())
    this.#take(']', ', or ]')
    return values
  }

  #operand(expected: string): Operand {
    const token = this.#peek()
    if (token.kind === 'word' && !CONSTANTS.has(token.text)) return this.#field(expected)
    return { kind: 'literal', value: this.#scalar(expected) }
  }

  #scalar(expected = 'a string, a number, true, false or null'): Scalar {
    const token = this.#peek()
    const value =
      token.kind === 'string' || token.kind === 'number'
        ? token.value
        : token.kind === 'word'
          ? CONSTANTS.get(token.text)
          : undefined
    if (value === undefined) this.#fail(expected)
    this.#next++
    return value
  }

  #field(expected = A_FIELD): FieldPath {
    const token = this.#peek()
    if (token.kind !== 'word' || !isRoot(token.text)) this.#fail(expected)
    this.#next++
    const names: string[] = []
    while (token.text === 'data') {
      if (this.#takes('.')) names.push(this.#word())
      else if (this.#takes('[')) {
        names.push(this.#string())
        this.#take(']')
      } else break
    }
    return { kind: 'field', root: token.text, names }
  }

  #word(): string {
    const token = this.#peek()
    if (token.kind !== 'word') this.#fail('the name of a field')
    this.#next++
    return token.text
  }

  #string(): string {
    const token = this.#peek()
    if (token.kind !== 'string') this.#fail('a string in quotes')
    this.#next++
    return token.value
  }

  #takesCall(name: string): boolean {
    const token = this.#peek()
    if (token.kind !== 'word' || token.text !== name) return false
    this.#countTerm()
    this.#next++
    this.#take('(')
    return true
  }

  #takes(sign: Sign): boolean {
    const isThere = this.#isSign(sign)
    if (isThere) this.#next++
    return isThere
  }

  #take(sign: Sign, expected: string = sign): void {
    if (!this.#takes(sign)) this.#fail(expected)
  }

  #isSign(sign: Sign): boolean {
    const token = this.#peek()
    return token.kind === 'sign' && token.text === sign
  }

  #peek(): Token {
    return this.#tokens[this.#next]!
  }

  #fail(expected: string): never {
    const token = this.#peek()
    throw new FilterError(token.offset, expected, describe(token))
  }
}

function isRoot(text: string): text is Root {
  return (ROOTS as readonly string[]).includes(text)
}
