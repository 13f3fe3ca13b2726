import { parseArgs } from 'node:util'
import { contractTypes } from '../config/contract-types.ts'
import { describeContract } from '../config/describe.ts'
import { defaultConfigPath, loadConfig } from '../config/load-config.ts'

export const usage = `tidegate contract --ts | --json [--config <file>]

Prints the contract of a config for other repositories.
  --ts      a TypeScript module; its type Contract is for createClient<Contract>()
  --json    names, kinds, schemas, window specs, retention and the contract hash
  --config  the config file (default: tidegate.config.ts here, else the built-in demo)
`

/** Runs `tidegate contract`. Resolves to the exit code: 0, 1 when the config cannot be used, 2 on wrong arguments. */
export async function run(args: string[]): Promise<number> {
  const options = parse(args)
  if (options === undefined) {
    process.stderr.write(usage)
    return 2
  }
  try {
    const { contract } = await loadConfig(options.config ?? defaultConfigPath(process.cwd()))
    process.stdout.write(
      options.ts ? contractTypes(contract) : `${JSON.stringify(describeContract(contract), null, 2)}\n`,
    )
    return 0
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return 1
  }
}

function parse(args: string[]): { ts: boolean; config?: string } | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: { ts: { type: 'boolean' }, json: { type: 'boolean' }, config: { type: 'string' } },
    })
    if ((values.ts === true) === (values.json === true)) return undefined
    return { ts: values.ts === true, ...(values.config !== undefined && { config: values.config }) }
  } catch {
    return undefined
  }
}
