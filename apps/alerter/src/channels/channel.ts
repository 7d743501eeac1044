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

/** A way to reach people. */
export interface Channel extends AsyncDisposable {
  /**
   * Resolves when the other side has taken the message for at least one recipient.
   *
   * @returns who was refused; they are tried again
   * @throws LifeboatError ALERT_NOT_SENT – nobody has it
   */
  send(message: Message): Promise<{ refused: string[] }>
}
