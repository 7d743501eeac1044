import type { Rule } from '../world.ts'

/** The expiry that was due would have let go more than may go without a person. */
export const expiryRefused: Rule = ({ expiry }) => {
  if (expiry === undefined || expiry.refused.length === 0) return []
  return [
    {
      cause: 'expiry-refused.all',
      rule: 'expiry-refused',
      severity: 'warning',
      title: 'The expiry that was due was refused',
      details: [...expiry.refused, `Nothing went; plan ${expiry.digest} of ${expiry.at}, ${expiry.going} copies`],
      hint: 'Rules with a typo look like this: read `lifeboat expiry plan`. If that is what you want, `lifeboat expiry apply --plan DIGEST --even-so`; the next expiry that is not refused resolves this.',
    },
  ]
}
