export { requestId } from './command-id.ts'
export { type CommandRefusal, type CommandRequest, outOfOrder, refuse } from './command-request.ts'
export { Commands } from './commands.ts'
export type { LoggedAnswer } from './pending-commands.ts'
