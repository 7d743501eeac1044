import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import type { SecretRef } from '@lifeboat/shared/config/secret-ref.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Env } from './config-path.ts'

export interface SecretPlaces {
  env: Env
  /** Relative `file:` paths start here: the folder of lifeboat.yaml. */
  baseDir: string
  /** Told about a secret file that every user of the machine may read. */
  warn?: (problem: { message: string; hint: string }) => void
}

/**
 * Reads the secret a reference names; one newline at its end is not part of it.
 *
 * @throws LifeboatError CONFIG_SECRET_MISSING – unset, empty, absent or unreadable
 */
export function resolveSecret(ref: SecretRef, places: SecretPlaces): Secret {
  const value = ref.startsWith('env:') ? fromEnvironment(ref, places.env) : fromFile(ref, places)
  const trimmed = value.replace(/\r?\n$/, '')
  if (trimmed === '') throw new LifeboatError('CONFIG_SECRET_MISSING', { reference: ref, problem: 'it is empty' })
  return new Secret(trimmed)
}

function fromEnvironment(ref: SecretRef, env: Env): string {
  const value = env[ref.slice('env:'.length)]
  if (value === undefined)
    throw new LifeboatError('CONFIG_SECRET_MISSING', { reference: ref, problem: 'the environment variable is not set' })
  return value
}

function fromFile(ref: SecretRef, { baseDir, warn }: SecretPlaces): string {
  const path = resolve(baseDir, ref.slice('file:'.length))
  try {
    const mode = statSync(path).mode
    if (mode & 0o004)
      warn?.({ message: `every user of this machine may read ${path}`, hint: `Run: chmod 0600 ${path}` })
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code
    const problem = reason === 'ENOENT' ? 'the file does not exist' : `the file cannot be read (${reason})`
    throw new LifeboatError('CONFIG_SECRET_MISSING', { reference: ref, path, problem }, { cause })
  }
}
