/** Every option of config and client, read from the types that declare them. */
import ts from 'typescript'
import { sourceFiles } from '../source-files.ts'

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
  /** Interfaces, with those that they extend, or functions whose first parameter has the options. */
  readonly declarations: readonly string[]
  /** None of them is required, whatever the declaration says. */
  readonly isPartial?: boolean
}

const CONFIG: readonly Group[] = [
  {
    title: '`defineConfig`',
    about: 'The default export of `tidegate.config.ts`.',
    declarations: ['defineConfig'],
  },
  {
    title: '`topic(name, options)`',
    about: 'A topic that clients publish to.',
    declarations: ['SourceOptions'],
  },
  {
    title: '`.map()`, `.filter()` ... `.to(name, options)`',
    about: 'A flow over a topic, stored as a topic of its own.',
    declarations: ['FlowOptions'],
  },
  {
    title: '`.window(name, options)`, `windowOf(topics, name, options)`',
    about:
      'One of `tumbling`, `hopping` and `session`, and the rest. The page about [windows](windows.md) has the aggregates.',
    declarations: ['TumblingOptions', 'HoppingOptions', 'SessionOptions', 'CommonOptions'],
  },
  {
    title: '`custom(aggregate)`',
    about: 'An [aggregate](windows.md#aggregates) of your own.',
    declarations: ['CustomAggregate'],
  },
  {
    title: '`entity(name, options)`',
    about: 'The page about [entities](entities.md) has examples of each.',
    declarations: ['EntityOptions'],
  },
  {
    title: 'A command of an entity',
    about: 'A value of `commands`.',
    declarations: ['CommandOptions'],
  },
  {
    title: '`access`',
    about: 'Who may do what: the page about [access](access.md).',
    declarations: ['AccessOptions'],
  },
  {
    title: 'A rule of `access`',
    about: 'A value of `rules`.',
    declarations: ['AccessRule'],
  },
  {
    title: '`allow` of a rule',
    about: 'The same names stand in the rights of a token and of an API key.',
    declarations: ['AllowedOptions'],
  },
]

const CLIENT: readonly Group[] = [
  {
    title: '`createClient(options)`',
    about: 'For a browser and for Node.',
    declarations: ['ClientOptions'],
  },
  {
    title: '`outbox` of a client',
    about: 'Bounds of what waits for an answer: see [offline sensors](offline.md).',
    declarations: ['OutboxLimits'],
    isPartial: true,
  },
  {
    title: '`outbox.store` of a client',
    about: 'See [outbox stores](outbox-store.md).',
    declarations: ['OutboxStoreOption'],
  },
  {
    title: '`publish(topic, event)`',
    about: 'An event, or each of a list.',
    declarations: ['PublishEvent'],
  },
  {
    title: '`subscribe(selector, options, callback)`',
    about: '`change` of a subscription takes all but `from` and `snapshot`.',
    declarations: ['SubscribeOptions', 'LocalOptions'],
  },
  {
    title: '`history(topic, options)`',
    about: 'Stored events of a topic, in order of time.',
    declarations: ['HistoryReadOptions'],
  },
  {
    title: '`window(name, options)`',
    about: 'The windows of a time, each once with its last revision.',
    declarations: ['WindowReadOptions'],
  },
  {
    title: '`latest(name, options)`',
    about: 'The latest result of each key of a window.',
    declarations: ['LatestReadOptions'],
  },
  {
    title: '`command(entity, key, command, input, options)`',
    about: 'Also those of `send` of a handle.',
    declarations: ['CommandOptions'],
  },
  {
    title: '`get` and `history` of an entity, `findEntities`',
    about: 'Which version of an entity, and how much at a time.',
    declarations: ['GetOptions', 'HistoryOptions', 'FindOptions'],
  },
]

/** Options of the client that go over the wire are declared by the protocol. */
const FOLDERS = { config: ['server/src/config/'], client: ['client-sdk/src/', 'protocol/src/'] } as const

/** The parts of the page about what is written in code. */
export function optionsText(): string {
  return [
    section('Config', CONFIG, declaredIn(FOLDERS.config)),
    section('Client', CLIENT, declaredIn(FOLDERS.client)),
  ].join('\n\n')
}

function section(title: string, groups: readonly Group[], declared: Declared): string {
  const tables = groups.map((group) => `### ${group.title}\n\n${group.about}\n\n${tableOf(optionsOf(group, declared))}`)
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
  const optionsIn = (groups: readonly Group[], folders: readonly string[]) => {
    const declared = declaredIn(folders)
    return groups.flatMap((group) => optionsOf(group, declared))
  }
  return [...optionsIn(CONFIG, FOLDERS.config), ...optionsIn(CLIENT, FOLDERS.client)]
}

function optionsOf({ declarations, isPartial = false }: Group, declared: Declared): Option[] {
  const members = declarations.flatMap((name) => membersOf(name, declared))
  const isNever = (member: Member) => member.type?.kind === ts.SyntaxKind.NeverKeyword
  // What another of the declarations must not have is one of several to choose from.
  const choices = new Set(members.filter(isNever).map(({ name }) => name.getText()))
  return members
    .filter((member) => !isNever(member))
    .map((member) => {
      const name = member.name.getText()
      const isRequired = !isPartial && member.questionToken === undefined && !choices.has(name)
      return { name, isRequired, type: typeText(member), meaning: meaningOf(member) }
    })
}

type Member = ts.PropertySignature | ts.MethodSignature
type Declaration = ts.InterfaceDeclaration | ts.FunctionDeclaration
type Declared = ReadonlyMap<string, Declaration>

/** Interfaces and functions by name. */
function declaredIn(folders: readonly string[]): Declared {
  const files = sourceFiles('.ts').filter(({ path }) => folders.some((folder) => path.startsWith(folder)))
  return new Map(
    files.flatMap(({ path, text }) =>
      ts
        .createSourceFile(path, text, ts.ScriptTarget.Latest, true)
        .statements.filter(isDeclaration)
        .map((declaration) => [declaration.name?.text ?? '', declaration] as const),
    ),
  )
}

function isDeclaration(statement: ts.Statement): statement is Declaration {
  return ts.isInterfaceDeclaration(statement) || ts.isFunctionDeclaration(statement)
}

/** @throws when nothing of that name is declared any more */
function membersOf(name: string, declared: Declared): readonly Member[] {
  const declaration = declared.get(name)
  if (declaration === undefined) throw new Error(`${name} is not declared`)
  if (ts.isFunctionDeclaration(declaration)) {
    const type = declaration.parameters[0]?.type
    return type !== undefined && ts.isTypeLiteralNode(type) ? type.members.filter(isMember) : []
  }
  const bases =
    declaration.heritageClauses?.flatMap(({ types }) => types.map(({ expression }) => expression.getText())) ?? []
  // Not those of a base that belongs to the list anyway, such as what all windows have.
  const inherited = bases.filter((base) => base !== COMMON).flatMap((base) => membersOf(base, declared))
  return [...inherited, ...declaration.members.filter(isMember)]
}

/** The base of all shapes of windows, which is listed once. */
const COMMON = 'CommonOptions'

function isMember(member: ts.TypeElement): member is Member {
  return ts.isPropertySignature(member) || ts.isMethodSignature(member)
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

function typeText(member: Member): string {
  if (ts.isMethodSignature(member) || member.type === undefined) return 'function'
  const type = WORDS.reduce(
    (text, [of, word]) => text.replaceAll(of, word),
    member.type.getText().replaceAll(/\s+/g, ' '),
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
