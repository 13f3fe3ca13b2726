import { createHooks } from '@tidegate/client/react'
import type config from '../../tidegate.config.ts'

export const { useEntity, useStatus, useSubscription, useWindow } = createHooks<typeof config>()
