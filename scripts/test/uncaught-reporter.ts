import { writeFile } from 'node:fs/promises'
import type { Reporter, SerializedError, Vitest } from 'vitest/node'

/** Where the errors of a run are, beside its JSON report: `report.json` has `report.json.uncaught`. */
export const UNCAUGHT = '.uncaught'

/**
 * Writes one text for each error that no test caught (a promise nobody waited for, a worker that died): vitest fails the run for them,
 * and its JSON report knows nothing about them.
 *
 * @public vitest finds it by this file's name
 */
export default class UncaughtReporter implements Reporter {
  #report: string | undefined

  onInit({ config }: Vitest): void {
    const { outputFile } = config
    this.#report = typeof outputFile === 'object' ? outputFile.json : outputFile
  }

  async onTestRunEnd(_modules: unknown, errors: readonly SerializedError[]): Promise<void> {
    if (this.#report === undefined || errors.length === 0) return
    await writeFile(this.#report + UNCAUGHT, JSON.stringify(errors.map(tell)))
  }
}

/** Of the stack only what is the project's own. */
function tell({ name, message, stack = '', VITEST_TEST_PATH: path, VITEST_TEST_NAME: test }: SerializedError): string {
  const where = [path, test].filter(Boolean).join(' > ')
  const own = stack.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node_modules'))
  return [`${name ?? 'Error'}: ${message}${where && ` (while ${where} ran)`}`, ...own].join('\n')
}
