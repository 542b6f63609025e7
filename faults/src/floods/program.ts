import { constants, setPriority } from 'node:os'
import type { FromAttacker } from './attacker.ts'
import { ATTACKS, type AttackName } from './attacks/index.ts'
import type { Orders } from './attacks/attack.ts'
import { Tally } from './tally.ts'

/** It stands for another machine: where processors are few it must not take the time of the server. */
setPriority(constants.priority.PRIORITY_LOW)

process.once('message', (orders: Orders) => {
  const tally = new Tally()
  const began = performance.now()
  ATTACKS[orders.attack as AttackName](orders, tally).then(
    () => {
      tally.largest('seconds', (performance.now() - began) / 1000)
      tell({ counts: tally.counts })
    },
    (error: unknown) => tell({ failed: error instanceof Error ? error.message : String(error) }),
  )
})

function tell(message: FromAttacker): void {
  process.send?.(message, () => process.exit())
}
