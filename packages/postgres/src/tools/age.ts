import { BASE_ENV, type Stage } from './stage.ts'

/** Encrypts to public recipients; whoever holds one identity decrypts. */
export function age(opts: { program: string; recipients: readonly string[] }): Stage {
  return {
    tool: 'age',
    program: opts.program,
    args: opts.recipients.flatMap((recipient) => ['--recipient', recipient]),
    env: BASE_ENV,
    encoding: 'age',
  }
}

/** @param identity an open descriptor it is read from once, so that it shows neither in argv nor on a disk; see secret-file.ts */
export function unage(opts: { program: string; identity: number }): Stage {
  return {
    tool: 'age',
    program: opts.program,
    args: ['--decrypt', '--identity', '/dev/fd/3'],
    env: BASE_ENV,
    inherits: opts.identity,
  }
}
