import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Terminal } from '../terminal.ts'

const VARIABLE = 'LIFEBOAT_IDENTITY_PASSPHRASE'
/** Guessed offline by whoever finds the file. */
const LEAST_LETTERS = 12

/** The passphrase of an identity: from the environment, or typed without being shown. Never an argument: those stand in the process list. */
export async function askPassphrase(
  question: string,
  { env, askSecret }: Pick<Terminal, 'env' | 'askSecret'>,
): Promise<string> {
  const given = env[VARIABLE] || (await askSecret?.(question))
  if (!given) throw new LifeboatError('CLI_USAGE', { problem: `no passphrase was typed, and ${VARIABLE} is not set` })
  return given
}

/** A new one, typed twice. @throws LifeboatError CLI_USAGE */
export async function newPassphrase(terminal: Pick<Terminal, 'env' | 'askSecret'>): Promise<string> {
  const first = await askPassphrase('Passphrase of the new identity: ', terminal)
  if (first.length < LEAST_LETTERS)
    throw new LifeboatError('CLI_USAGE', { problem: `a passphrase has at least ${LEAST_LETTERS} letters` })
  const second = await askPassphrase('Once more: ', terminal)
  if (first !== second) throw new LifeboatError('CLI_USAGE', { problem: 'the two passphrases differ' })
  return first
}
