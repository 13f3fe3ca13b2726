import { growthConfig } from './topics.ts'

export default growthConfig(20)
