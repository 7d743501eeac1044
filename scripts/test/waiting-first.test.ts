import { expect, it } from 'vitest'
import type { TestSpecification, Vitest } from 'vitest/node'
import { WaitingFirst } from './waiting-first.ts'

/** An earlier run took as long as its line says. */
const vitest = {
  cache: { getTestSpecificationResult: ({ testLines: [duration] }: { testLines: number[] }) => ({ duration }) },
}

function spec(file: string, duration: number): TestSpecification {
  const project = { name: 'int', config: { isolate: true, sequence: { groupOrder: 1 } } }
  return { moduleId: `/lifeboat/${file}`, project, testLines: [duration] } as unknown as TestSpecification
}

it('begins what is slow first, then what waits for deadlines, then what works, and of each the long before the short', async () => {
  const files = [
    spec('apps/cli/test/keys.int.test.ts', 1),
    spec('packages/files/test/million.slow.int.test.ts', 1),
    spec('apps/backup-agent/test/wal-stops.slow.int.test.ts', 2),
    spec('apps/backup-agent/test/stop.int.test.ts', 2),
    spec('killed/test/restore.int.test.ts', 9),
    spec('e2e/target-away.e2e.test.ts', 3),
    spec('apps/backup-agent/test/restore-tree-killed.int.test.ts', 4),
  ]
  const sorted = await new WaitingFirst(vitest as unknown as Vitest).sort(files)
  expect(sorted.map(({ moduleId }) => moduleId.split('/').at(-1)?.split('.')[0])).toEqual([
    ...['wal-stops', 'million'],
    ...['restore-tree-killed', 'target-away', 'stop'],
    ...['restore', 'keys'],
  ])
})
