import { spawnSync } from 'node:child_process'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { TarMember } from '../tar/member.ts'

const LETTERS = { fifo: 'p', char: 'c', block: 'b' } as const

/**
 * Makes a fifo or a device; Node has no call for them.
 *
 * @param path bytes, which no argument of Node's can hold: xargs hands them on
 * @throws Error – in the words of mknod
 * @see https://manpages.debian.org/bookworm/coreutils/mknod.1.en.html
 */
export function makeSpecial(path: Buffer, { type, device }: Pick<TarMember, 'type' | 'device'>): void {
  const numbers = device ? [String(device.major), String(device.minor)] : []
  const words = [path, ...[LETTERS[type as keyof typeof LETTERS], ...numbers].map((word) => Buffer.from(word))]
  const input = Buffer.concat(words.flatMap((word) => [word, Buffer.from('\0')]))
  const { error, status, stderr } = spawnSync('xargs', ['-0', 'mknod', '--'], { input, env: BASE_ENV })
  if (error) throw error
  if (status !== 0) throw new Error(String(stderr).trim())
}
