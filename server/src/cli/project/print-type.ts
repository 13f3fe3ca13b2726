import type TypeScript from 'typescript'
import { propertyName } from '../../config/schema/schema-type.ts'

/** Beyond it a type is taken for one that holds itself. */
const MAX_DEPTH = 12

export interface Printer {
  readonly ts: typeof TypeScript
  readonly checker: TypeScript.TypeChecker
  readonly program: TypeScript.Program
  readonly file: TypeScript.SourceFile
}

/** A type as TypeScript code that names no other one, except for those of the language. */
export function printType(printer: Printer, type: TypeScript.Type, depth = 0): string {
  const { ts, checker } = printer
  const { flags } = type
  if (depth > MAX_DEPTH || flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return 'unknown'
  if (type.isUnion()) return unionOf(type.types.map((member) => printType(printer, member, depth + 1)))
  if (!(flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) {
    return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  }
  if (type.isIntersection() && type.types.some((member) => !(member.flags & ts.TypeFlags.Object))) {
    return type.types.map((member) => `(${printType(printer, member, depth + 1)})`).join(' & ')
  }
  const list = listOf(printer, type, depth)
  if (list !== undefined) return list
  if (isOfTheLanguage(printer, type)) return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  return objectOf(printer, type, depth)
}

function unionOf(types: readonly string[]): string {
  const all = new Set(types)
  if (all.has('true') && all.has('false')) {
    all.delete('true')
    all.delete('false')
    all.add('boolean')
  }
  return [...all].join(' | ')
}

function listOf(printer: Printer, type: TypeScript.Type, depth: number): string | undefined {
  const { ts, checker } = printer
  if (!checker.isArrayType(type) && !checker.isTupleType(type)) return undefined
  const items = checker.getTypeArguments(type as TypeScript.TypeReference)
  const print = (item: TypeScript.Type) => printType(printer, item, depth + 1)
  if (checker.isArrayType(type)) {
    return `${type.symbol.name === 'ReadonlyArray' ? 'readonly ' : ''}(${print(items[0]!)})[]`
  }
  const { elementFlags, readonly } = (type as TypeScript.TupleTypeReference).target
  const members = items.map((item, i) => {
    const flags = elementFlags[i]!
    if (flags & ts.ElementFlags.Rest) return `...(${print(item)})[]`
    return flags & ts.ElementFlags.Optional ? `(${print(item)})?` : print(item)
  })
  return `${readonly ? 'readonly ' : ''}[${members.join(', ')}]`
}

/** `Date` and the like: a class or interface of the language's own library, and no alias such as `Record`. */
function isOfTheLanguage({ program }: Printer, { symbol }: TypeScript.Type): boolean {
  const declared = symbol?.declarations?.[0]?.getSourceFile()
  return declared !== undefined && /^[A-Z]/.test(symbol.name) && program.isSourceFileDefaultLibrary(declared)
}

function objectOf(printer: Printer, type: TypeScript.Type, depth: number): string {
  const { ts, checker, file } = printer
  if (type.getCallSignatures().length > 0) return 'unknown'
  const fields = checker.getPropertiesOfType(type).map((property) => {
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0
    const of = checker.getTypeOfSymbolAtLocation(property, file)
    const present =
      isOptional && of.isUnion() ? of.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined)) : [of]
    const text = unionOf(present.map((one) => printType(printer, one, depth + 1)))
    return `readonly ${propertyName(property.name)}${isOptional ? '?' : ''}: ${text}`
  })
  const indexed = checker.getIndexInfosOfType(type).map(({ keyType, type: of }) => {
    return `readonly [key: ${printType(printer, keyType, depth + 1)}]: ${printType(printer, of, depth + 1)}`
  })
  return fields.length + indexed.length === 0 ? '{}' : `{ ${[...fields, ...indexed].join('; ')} }`
}
