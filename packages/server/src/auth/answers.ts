interface Answer {
  user: string | undefined
  allow: boolean
  expiresAt: number
}

/** Answers that count for a while. Of too many, those that were used longest ago go. */
export class Answers {
  /** In the order of their last use. */
  readonly #answers = new Map<string, Answer>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get(key: string, now: number): boolean | undefined {
    const answer = this.#answers.get(key)
    if (answer === undefined) return undefined
    this.#answers.delete(key)
    if (answer.expiresAt <= now) return undefined
    this.#answers.set(key, answer)
    return answer.allow
  }

  set(key: string, answer: Answer): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    if (this.#answers.size <= this.#max) return
    const [oldest] = this.#answers.keys()
    if (oldest !== undefined) this.#answers.delete(oldest)
  }

  /** Drops all answers about the user. */
  forget(user: string): void {
    for (const [key, answer] of this.#answers) {
      if (answer.user === user) this.#answers.delete(key)
    }
  }
}
