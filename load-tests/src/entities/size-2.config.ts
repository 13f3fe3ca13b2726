import { accountsOf } from './sized-accounts.ts'

/** Every state is folded anew. */
export default accountsOf(2)
