import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** By what their names tell: agents are killed or told to stop, NATS or a target is away, a moment has to come. */
const WAITING = /(killed|stop|shutdown|away|survives|heartbeat|missing|restarts)[^/]*$/

/** Minutes of work each (`pnpm test:slow`). */
const SLOW = /\.slow\.int\.test\.ts$/

/** Whether most of the time of a test file is waiting, for deadlines and leases that no test may shorten. */
export function mostlyWaits(file: string): boolean {
  return WAITING.test(file)
}

/**
 * Begins what is slow first, then what mostly waits, and what is quick last.
 *
 * Both are small files, so that by size alone they would be what a run ends with, and its cores would stand idle. Beside what waits
 * there is room for what works.
 */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const turn = ({ moduleId }: TestSpecification) => (SLOW.test(moduleId) ? 0 : mostlyWaits(moduleId) ? 1 : 2)
    return sorted.sort((one, other) => turn(one) - turn(other))
  }
}
