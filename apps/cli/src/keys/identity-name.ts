import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'

/** @throws LifeboatError CLI_USAGE – it cannot stand under `encryption.identities` */
export function demandIdentityName(name: string): void {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
    throw new LifeboatError('CLI_USAGE', { given: name, problem: 'a name has lower-case letters, digits and dashes' })
}
