import { accountsOf } from './sized-accounts.ts'

export default accountsOf(1)
