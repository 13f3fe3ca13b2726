export * from './command.ts'
export { COMMAND_LIMITS } from './limits.ts'
