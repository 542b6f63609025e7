/** How long a scenario runs when nobody says otherwise. */
export interface Schedule {
  /** Seconds before the measurement. */
  warmup: number
  /** Seconds that are measured. */
  seconds: number
  repeat: number
  /** What it takes with all peers, on a machine with two cores. */
  minutes: number
}

const schedules: Record<string, Schedule> = {
  s1: { warmup: 1, seconds: 1.5, repeat: 2, minutes: 2.8 },
  s2: { warmup: 1, seconds: 1.2, repeat: 3, minutes: 4.8 },
  s3: { warmup: 1, seconds: 3, repeat: 2, minutes: 8.2 },
  s4: { warmup: 1, seconds: 2, repeat: 2, minutes: 1.6 },
  s5: { warmup: 0, seconds: 25, repeat: 1, minutes: 3.3 },
  s6: { warmup: 0, seconds: 1, repeat: 2, minutes: 0.4 },
  's6-drop-all': { warmup: 0, seconds: 1, repeat: 2, minutes: 2.4 },
  s7: { warmup: 3, seconds: 2, repeat: 2, minutes: 3.1 },
  s8: { warmup: 1, seconds: 3, repeat: 2, minutes: 1.5 },
  s9: { warmup: 1, seconds: 12, repeat: 2, minutes: 4.5 },
  people: { warmup: 1, seconds: 2, repeat: 1, minutes: 1.2 },
  sse: { warmup: 1, seconds: 2, repeat: 2, minutes: 1.2 },
  compression: { warmup: 1, seconds: 1.2, repeat: 2, minutes: 1.6 },
}

const usual: Schedule = { warmup: 1, seconds: 2, repeat: 2, minutes: 2 }

export function scheduleOf(id: string): Schedule {
  return schedules[id] ?? usual
}
