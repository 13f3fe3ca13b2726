import { contractTypes } from '../config/contract-types.ts'
import { describeContract } from '../config/describe.ts'
import { defaultConfigPath, loadConfig } from '../config/load-config.ts'
import { parseOptions, UsageError } from './usage-error.ts'

export const usage = `tidegate contract --ts | --json [--config <file>]

Prints the contract of a config for other repositories.
  --ts      a TypeScript module; its type Contract is for createClient<Contract>()
  --json    names, kinds, schemas, window specs, retention and the contract hash
  --config  the config file (default: tidegate.config.ts here, else the built-in demo)

Examples:
  tidegate contract --ts > contract.ts
  tidegate contract --json --config tidegate.config.ts
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, { ts: { type: 'boolean' }, json: { type: 'boolean' }, config: { type: 'string' } })
  if ((flags.ts === true) === (flags.json === true)) throw new UsageError('say either --ts or --json')
  const { contract } = await loadConfig(flags.config ?? defaultConfigPath(process.cwd()))
  process.stdout.write(flags.ts ? contractTypes(contract) : `${JSON.stringify(describeContract(contract), null, 2)}\n`)
  return 0
}
