import type { Attack } from './attack.ts'
import {
  badUpgrades,
  connects,
  dripping,
  mute,
  silent,
  slowBodies,
  slowHeaders,
} from './connections.ts'
import { histories, publishes, subscribeLoops, subscribes } from './frames.ts'
import { oversized } from './requests.ts'

export const ATTACKS = {
  publishes,
  subscribes,
  subscribeLoops,
  histories,
  connects,
  silent,
  dripping,
  badUpgrades,
  mute,
  slowHeaders,
  slowBodies,
  oversized,
} satisfies Record<string, Attack>

export type AttackName = keyof typeof ATTACKS
