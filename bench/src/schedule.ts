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
  s1: { warmup: 1, seconds: 1.5, repeat: 2, minutes: 3 },
  s2: { warmup: 1, seconds: 1.2, repeat: 3, minutes: 5.5 },
  s3: { warmup: 1, seconds: 3, repeat: 1, minutes: 5 },
  s4: { warmup: 1, seconds: 2, repeat: 2, minutes: 2.5 },
  s5: { warmup: 1, seconds: 15, repeat: 1, minutes: 3.5 },
  s6: { warmup: 0, seconds: 5, repeat: 2, minutes: 1.5 },
  's6-drop-all': { warmup: 0, seconds: 5, repeat: 2, minutes: 3 },
  s7: { warmup: 1, seconds: 2, repeat: 2, minutes: 2 },
  s8: { warmup: 1, seconds: 3, repeat: 2, minutes: 2 },
  s9: { warmup: 1, seconds: 12, repeat: 2, minutes: 6 },
  people: { warmup: 1, seconds: 2, repeat: 1, minutes: 1.5 },
  sse: { warmup: 1, seconds: 2, repeat: 2, minutes: 1.5 },
  compression: { warmup: 1, seconds: 1.2, repeat: 2, minutes: 1.7 },
}

const usual: Schedule = { warmup: 1, seconds: 2, repeat: 2, minutes: 2 }

export function scheduleOf(id: string): Schedule {
  return schedules[id] ?? usual
}
