export { Delivery, type DeliveryLimits, type DeliveryOptions, type DeliveryStats } from './delivery.ts'
export type { DeliverySession, DeliverySocket } from './delivery-socket.ts'
export type { TailState } from './partition-tail.ts'
export type { SubscribeFrame } from './subscription-plan.ts'
