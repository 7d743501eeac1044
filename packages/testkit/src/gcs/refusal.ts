/** An answer other than success, in the words and with the status Google documents for it. */
export class GcsRefusal extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }

  /** The error document of the JSON API. */
  toJSON(): object {
    const { status, reason, message } = this
    return { error: { code: status, message, errors: [{ domain: 'global', reason, message }] } }
  }
}

export const invalid = (message: string) => new GcsRefusal(400, 'invalid', message)
export const notFound = (what: string) => new GcsRefusal(404, 'notFound', `No such object: ${what}`)
export const preconditionFailed = () =>
  new GcsRefusal(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.')
