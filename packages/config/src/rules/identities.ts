import type { Finding } from '../problems.ts'
import type { Rule } from '../references.ts'
import { block, blocks, list, text } from './raw.ts'

/** Keys backups are encrypted to and nobody is said to have, and the other way round. Silent where no identity is declared. */
export const identityFindings: Rule = (raw) => {
  const encryption = block(raw.encryption)
  const identities = blocks(encryption, 'identities')
  const recipients = list(encryption.recipients)
  if (identities.length === 0) return []
  return [
    ...recipients.flatMap((recipient, i): Finding[] =>
      identities.some(([, identity]) => identity.recipient === recipient)
        ? []
        : [
            {
              severity: 'warning',
              path: ['encryption', 'recipients', i],
              message: 'nobody is said to have the identity of this public key',
              hint: 'Declare it under encryption.identities, or take it out.',
            },
          ],
    ),
    ...identities.flatMap(([name, { recipient, until }]): Finding[] =>
      recipients.includes(recipient) && text(until) !== undefined
        ? [
            {
              severity: 'warning',
              path: ['encryption', 'identities', name, 'until'],
              message: 'it has an end, and backups are still encrypted to it',
              hint: 'Take its public key out of encryption.recipients first; `lifeboat key rotate` says how.',
            },
          ]
        : [],
    ),
    ...doubles(identities),
    ...(identities.some(([, { escrow, recipient }]) => escrow === true && recipients.includes(recipient))
      ? []
      : [
          {
            severity: 'warning' as const,
            path: ['encryption', 'recipients'],
            message: 'no escrow identity opens what is backed up from now on',
            hint: 'Make one with `lifeboat key escrow`, and keep it where no machine can lose it.',
          },
        ]),
  ]
}

function doubles(identities: ReturnType<typeof blocks>): Finding[] {
  return identities.flatMap(([name, { recipient }], i): Finding[] => {
    const first = identities.slice(0, i).find(([, other]) => other.recipient === recipient)
    if (!first) return []
    const path = ['encryption', 'identities', name, 'recipient']
    return [
      { severity: 'error', path, message: `it is the key of ${first[0]} as well`, hint: 'Give each key one name.' },
    ]
  })
}
