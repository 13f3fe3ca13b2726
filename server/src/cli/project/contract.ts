import { describeContract } from '../../config/changes/describe.ts'
import { contractTypes } from '../../config/contract/contract-types.ts'
import type { Contract } from '../../config/contract/model.ts'
import { defaultConfigPath, loadConfig } from '../../config/load-config.ts'
import { parseOptions, UsageError } from '../usage/usage-error.ts'

export const usage = `tidegate contract --ts | --json [--config <file>]

Prints the contract of a config for other repositories.
  --ts      a TypeScript module; its type Contract is for createClient<Contract>(). Where the package typescript is
            installed beside the config, it has the types of what functions return, else these are unknown
  --json    names, kinds, schemas, window specs, retention and the contract hash
  --config  the config file (default: tidegate.config.ts here, else the built-in demo)

Examples:
  tidegate contract --ts > contract.ts
  tidegate contract --json --config tidegate.config.ts
`

export async function run(args: string[]): Promise<number> {
  const flags = parseOptions(args, { ts: { type: 'boolean' }, json: { type: 'boolean' }, config: { type: 'string' } })
  if ((flags.ts === true) === (flags.json === true)) throw new UsageError('say either --ts or --json')
  const path = flags.config ?? defaultConfigPath(process.cwd())
  const { contract } = await loadConfig(path)
  process.stdout.write(
    flags.ts ? await typesOf(contract, path) : `${JSON.stringify(describeContract(contract), null, 2)}\n`,
  )
  return 0
}

async function typesOf(contract: Contract, path: string): Promise<string> {
  // Loaded on demand: it loads the compiler.
  const { readConfigTypes } = await import('./config-types.ts')
  return contractTypes(contract, readConfigTypes(path))
}
