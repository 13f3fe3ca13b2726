export { default } from '../../../examples/tidegate.config.ts'
