/** Every option of config and client, read from the types that declare them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { REPOSITORY } from '../source-files.ts'

export interface Option {
  readonly name: string
  readonly isRequired: boolean
  readonly type: string
  /** Its docstring in one line. */
  readonly meaning: string
}

interface Group {
  readonly title: string
  /** Where options of the group are written, and which page describes them. */
  readonly about: string
  readonly file: string
  /** Interfaces, or functions whose first parameter has the options. */
  readonly declarations: readonly string[]
  /** None of them is required, whatever the declaration says. */
  readonly isPartial?: true
}

const CONFIG: readonly Group[] = [
  {
    title: '`defineConfig`',
    about: 'The default export of `tidegate.config.ts`.',
    file: 'server/src/config/define-config.ts',
    declarations: ['defineConfig'],
  },
  {
    title: '`topic(name, options)`',
    about: 'A topic that clients publish to.',
    file: 'server/src/config/topic.ts',
    declarations: ['SourceOptions'],
  },
  {
    title: '`.map()`, `.filter()` ... `.to(name, options)`',
    about: 'A flow over a topic, stored as a topic of its own.',
    file: 'server/src/config/topic.ts',
    declarations: ['FlowOptions'],
  },
  {
    title: '`.window(name, options)`, `windowOf(topics, name, options)`',
    about:
      'One of `tumbling`, `hopping` and `session`, and the rest. The page about [windows](windows.md) has the aggregates.',
    file: 'server/src/config/window-options.ts',
    declarations: ['TumblingOptions', 'HoppingOptions', 'SessionOptions', 'CommonOptions'],
  },
  {
    title: '`custom(aggregate)`',
    about: 'An [aggregate](windows.md#aggregates) of your own.',
    file: 'server/src/config/custom-aggregate.ts',
    declarations: ['CustomAggregate'],
  },
  {
    title: '`entity(name, options)`',
    about: 'The page about [entities](entities.md) has examples of each.',
    file: 'server/src/config/entity.ts',
    declarations: ['EntityOptions'],
  },
  {
    title: 'A command of an entity',
    about: 'A value of `commands`.',
    file: 'server/src/config/entity.ts',
    declarations: ['CommandOptions'],
  },
  {
    title: '`access`',
    about: 'Who may do what: the page about [access](access.md).',
    file: 'server/src/config/access.ts',
    declarations: ['AccessOptions'],
  },
  {
    title: 'A rule of `access`',
    about: 'A value of `rules`.',
    file: 'server/src/config/access.ts',
    declarations: ['AccessRule'],
  },
  {
    title: '`allow` of a rule',
    about: 'The same names stand in the rights of a token and of an API key.',
    file: 'server/src/config/access.ts',
    declarations: ['AllowedOptions'],
  },
]

const CLIENT: readonly Group[] = [
  {
    title: '`createClient(options)`',
    about: 'For a browser and for Node.',
    file: 'client-sdk/src/client.ts',
    declarations: ['ClientOptions'],
  },
  {
    title: '`outbox` of a client',
    about: 'Bounds of what waits for an answer: see [offline sensors](offline.md).',
    file: 'client-sdk/src/outbox.ts',
    declarations: ['OutboxLimits'],
    isPartial: true,
  },
  {
    title: '`publish(topic, event)`',
    about: 'An event, or each of a list.',
    file: 'client-sdk/src/contract-types.ts',
    declarations: ['PublishEvent'],
  },
  {
    title: '`subscribe(selector, options, callback)`',
    about: '`change` of a subscription takes all but `from` and `snapshot`.',
    file: 'protocol/src/frames.ts',
    declarations: ['SubscribeOptions'],
  },
  {
    title: '`command(entity, key, command, input, options)`',
    about: 'Also those of `send` of a handle.',
    file: 'client-sdk/src/commands/command-types.ts',
    declarations: ['CommandOptions'],
  },
  {
    title: '`get`, `history` and `findEntities`',
    about: 'Which version of an entity, and how much at a time.',
    file: 'client-sdk/src/entities/entity-types.ts',
    declarations: ['GetOptions', 'HistoryOptions', 'FindOptions'],
  },
]

/** The parts of the page about what is written in code. */
export function optionsText(): string {
  return [section('Config', CONFIG), section('Client', CLIENT)].join('\n\n')
}

function section(title: string, groups: readonly Group[]): string {
  const tables = groups.map((group) => `### ${group.title}\n\n${group.about}\n\n${tableOf(optionsOf(group))}`)
  return [`## ${title}`, ...tables].join('\n\n')
}

function tableOf(options: readonly Option[]): string {
  const rows = options.map(({ name, isRequired, type, meaning }) => {
    const cells = [`\`${name}\`${isRequired ? ', required' : ''}`, `\`${type}\``, meaning]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| option | type | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

/** All options of the page, for the test that each says what it means. */
export function allOptions(): Option[] {
  return [...CONFIG, ...CLIENT].flatMap(optionsOf)
}

function optionsOf({ file, declarations, isPartial = false }: Group): Option[] {
  const source = ts.createSourceFile(file, readFileSync(join(REPOSITORY, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const members = declarations.flatMap((name) => membersOf(source, name))
  const isNever = (member: Member) => member.type?.kind === ts.SyntaxKind.NeverKeyword
  // What another of the declarations must not have is one of several to choose from.
  const choices = new Set(members.filter(isNever).map(({ name }) => name.getText(source)))
  return members
    .filter((member) => !isNever(member))
    .map((member) => {
      const name = member.name.getText(source)
      const isRequired = !isPartial && member.questionToken === undefined && !choices.has(name)
      return { name, isRequired, type: typeText(member, source), meaning: meaningOf(member) }
    })
}

type Member = ts.PropertySignature | ts.MethodSignature

/** @throws when the file does not declare it any more */
function membersOf(source: ts.SourceFile, name: string): readonly Member[] {
  const isMember = (member: ts.TypeElement): member is Member =>
    ts.isPropertySignature(member) || ts.isMethodSignature(member)
  for (const statement of source.statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) return statement.members.filter(isMember)
    if (!ts.isFunctionDeclaration(statement) || statement.name?.text !== name) continue
    const type = statement.parameters[0]?.type
    if (type !== undefined && ts.isTypeLiteralNode(type)) return type.members.filter(isMember)
  }
  throw new Error(`${source.fileName} does not declare ${name}`)
}

function meaningOf(member: Member): string {
  const [doc] = ts.getJSDocCommentsAndTags(member)
  const comment = doc === undefined ? '' : (ts.getTextOfJSDocComment(doc.comment) ?? '')
  return comment.replaceAll(/\s+/g, ' ').trim()
}

/** Beyond this a type says less than the meaning beside it. */
const LONG_TYPE = 60
/** Types of the sources -> what a reader calls them. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/\breadonly /g, ''],
  [/\b(Positive|Signed)?Duration\b/g, 'duration'],
  [/\bz\.output<\w+>/g, 'Data'],
  [/\b(KeyField|FieldPath)<[^<>]*>/g, 'string'],
  [/\bReadonly<(Record<.*>)>/g, '$1'],
  [/^Topics$|^Entities & .*/g, 'list'],
  [/\bGap\b/g, 'duration'],
  [/<Hide>/g, ''],
]

function typeText(member: Member, source: ts.SourceFile): string {
  if (ts.isMethodSignature(member) || member.type === undefined) return 'function'
  const type = WORDS.reduce(
    (text, [of, word]) => text.replaceAll(of, word),
    member.type.getText(source).replaceAll(/\s+/g, ' '),
  )
  if (ts.isFunctionTypeNode(member.type)) return 'function'
  return type.length > LONG_TYPE || isParameter(type, member) ? 'object' : type
}

/** Whether it is a parameter of the declaration, which a reader does not know. */
function isParameter(type: string, { parent }: ts.Node): boolean {
  const owner = ts.isInterfaceDeclaration(parent) ? parent : parent.parent.parent
  const parameters =
    ts.isInterfaceDeclaration(owner) || ts.isFunctionDeclaration(owner) ? owner.typeParameters : undefined
  return parameters?.some(({ name }) => type.replace(/[[\]]+$/, '') === name.text) ?? false
}
