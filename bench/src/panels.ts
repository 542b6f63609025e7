import type { PeerName } from './peers.ts'
import type { Metric, Row, Scenario } from './scenario.ts'

/** All servers under one setup: what a reader compares. */
export interface Panel {
  setup: string
  /** The columns that any of the rows has; the first is what ratios are of. */
  metrics: Metric[]
  rows: Row[]
}

/** In the order in which the setups were measured. */
export function panelsOf({ metrics, lead }: Scenario, rows: readonly Row[]): Panel[] {
  const setups = [...new Set(rows.map(({ setup }) => setup))]
  return setups.map((setup) => {
    const here = rows.filter((row) => row.setup === setup)
    const measured = metrics.filter(({ key }) => here.some(({ values }) => key in values))
    const ranked = [
      ...measured.filter(({ key }) => key === lead?.[setup]),
      ...measured.filter(({ key }) => key !== lead?.[setup]),
    ]
    return { setup, rows: here, metrics: ranked.length > 0 ? ranked : metrics.slice(0, 1) }
  })
}

/** Tidewire, in any of its configurations. */
export function isOurs(peer: PeerName): boolean {
  return peer.startsWith('tidewire')
}

/** What ratios are of; undefined where the row has none or failed. */
export function mainValue({ metrics }: Panel, row: Row): number | undefined {
  const [metric] = metrics
  if (metric === undefined || row.failures.length > 0) return undefined
  return row.values[metric.key]?.median
}

/** The best value of a server that is not Tidewire. */
export function bestOther(panel: Panel): number | undefined {
  const values = panel.rows
    .filter(({ peer }) => !isOurs(peer))
    .flatMap((row) => mainValue(panel, row) ?? [])
  if (values.length === 0) return undefined
  return panel.metrics[0]?.better === 'less' ? Math.min(...values) : Math.max(...values)
}

export function socketIo(panel: Panel): number | undefined {
  const row =
    panel.rows.find(({ peer }) => peer === 'socket.io') ??
    panel.rows.find(({ peer }) => peer === 'socket.io-recovery')
  return row && mainValue(panel, row)
}
