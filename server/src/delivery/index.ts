export { Delivery, type DeliveryLimits, type DeliveryOptions, type DeliveryStats } from './delivery.ts'
export type { DeliverySession, DeliverySocket } from './wire/delivery-socket.ts'
export type { TailState } from './log/partition-tail.ts'
export type { SubscribeFrame } from './subscription/subscription-plan.ts'
