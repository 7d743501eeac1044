import { spawnSync } from 'node:child_process'

/** Tests of owners, of what only the kernel may write and of mounts need it. */
export const isRoot = process.getuid?.() === 0

/** Whether a test may mount in a namespace of its own; a container often may not, also as root. */
export function mayMount(): boolean {
  return spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0
}

/**
 * For `runIf`: says which tests are left out and what they need, because a suite must not skip in silence.
 *
 * @param what the tests, as the subject of a sentence
 * @param needs what this machine does not have
 */
export function orNotRun(can: boolean, what: string, needs: string): boolean {
  if (!can) console.warn(`NOT RUN: ${what}. That needs ${needs}.`)
  return can
}
