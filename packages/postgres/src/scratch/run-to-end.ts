import { execa } from 'execa'
import { BASE_ENV } from '../tools/stage.ts'
import type { Account } from './owner.ts'

/**
 * Runs a program that leaves files behind. Settles only when the program is gone, on an abort too, so that whoever cleans up after it finds nobody
 * who still writes; Node's own `execFile` rejects before that.
 *
 * @throws what execa throws, with `stderr`
 */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { signal, ...opts }: Partial<Account> & { cwd?: string; signal: AbortSignal },
): Promise<void> {
  await execa(program, args, { ...opts, env: { ...BASE_ENV }, extendEnv: false, cancelSignal: signal })
}
