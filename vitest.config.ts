import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const cores = availableParallelism()
/** How long `expect.poll` waits at most: it ends with its first success, so a limit that a busy machine never meets costs nothing. */
const patient = { poll: { timeout: 90_000 } }

/**
 * Three slices by file name: `*.test.ts` touches nothing outside, `*.int.test.ts` real servers, `*.e2e.test.ts` the whole system.
 *
 * In a run of all three one slice follows the other. Integration tests wait for servers and for leases to end much of the time, so two workers
 * more than cores; an end-to-end test is a dozen processes by itself, most of which wait, so two at a time.
 */
export default defineConfig({
  test: {
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
          maxWorkers: cores + 2,
          include: ['{apps,packages,scripts,bench}/**/*.int.test.ts'],
          exclude: ['**/node_modules/**'],
          expect: patient,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          maxWorkers: 2,
          include: ['e2e/**/*.e2e.test.ts'],
          exclude: ['**/node_modules/**'],
          expect: patient,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
