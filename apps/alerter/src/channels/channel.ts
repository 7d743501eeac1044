/** What a channel needs of a notice. */
export interface Message {
  messageId: string
  inReplyTo?: string | undefined
  subject: string
  text: string
  html: string
  /** Recipients that have not got it yet. */
  to: readonly string[]
}

/** A recipient the other side would not take the message for. */
export interface Refusal {
  recipient: string
  /** It said so for good: trying again will not help. */
  forGood: boolean
  /** What it answered. */
  answer: string
}

/** A way to reach people. */
export interface Channel extends AsyncDisposable {
  /** Of the other side, for people: `smtp.example.com:587`. */
  readonly name: string
  /**
   * Resolves when the other side has decided on every recipient.
   *
   * @returns who was refused; possibly everybody
   * @throws LifeboatError ALERT_NOT_SENT – nobody has it, whoever they are
   */
  send(message: Message): Promise<{ refused: Refusal[] }>
  /**
   * Asks whether the other side would take a message now; sends none.
   *
   * @throws LifeboatError ALERT_NOT_SENT – what `send` would be told
   */
  tryOut(): Promise<void>
}
