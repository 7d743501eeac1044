import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { WaitingFirst } from './scripts/test/waiting-first.ts'

const cores = availableParallelism()
// Tests start services by the hundred, and nearly half of what a start costs is reading and compiling the same sources again.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), `lifeboat-compiled-${process.getuid?.() ?? 0}`)
/** How long `expect.poll` waits at most: it ends with its first success, so a limit that a busy machine never meets costs nothing. So it is with a test. */
const patient = { poll: { timeout: 90_000 } }

/**
 * Three slices by file name: `*.test.ts` touches nothing outside, `*.int.test.ts` real servers, `*.e2e.test.ts` the whole system.
 *
 * In a run of all three the unit tests come first, in two processes: one for every file cost three times what the tests do.
 * The others run side by side. They wait much of the time, for servers, leases and deadlines, so there are three workers more than cores.
 */
export default defineConfig({
  test: {
    globalSetup: './scripts/test/temp-folder.ts',
    sequence: { sequencer: WaitingFirst },
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          maxWorkers: cores,
          include: ['{apps,packages,scripts,bench}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.int.test.ts', '**/*.e2e.test.ts'],
          expect: patient,
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'int',
          sequence: { groupOrder: 1 },
          maxWorkers: cores + 3,
          include: ['{apps,packages,scripts,bench}/**/*.int.test.ts'],
          exclude: ['**/node_modules/**'],
          expect: patient,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 1 },
          maxWorkers: cores + 3,
          include: ['e2e/**/*.e2e.test.ts'],
          exclude: ['**/node_modules/**'],
          expect: patient,
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
        },
      },
    ],
  },
})
