import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Target } from '../target.ts'
import { notAsked, runCase, TARGET_CASES } from './cases.ts'
import type { CaseRoom } from './target-case.ts'

/** A target to be asked, and what must be closed after it (servers, temp folders). */
export interface OpenedTarget extends AsyncDisposable {
  target: Target
  lock?: CaseRoom['lock']
}

/** Asks a target every case, each as a test of its own. */
export function describeTarget(name: string, open: () => Promise<OpenedTarget>): void {
  describe(`${name} keeps the target contract:`, () => {
    let opened: OpenedTarget
    beforeAll(async () => {
      opened = await open()
    })
    afterAll(async () => {
      await opened?.target[Symbol.asyncDispose]()
      await opened?.[Symbol.asyncDispose]()
    })
    for (const each of TARGET_CASES)
      it(each.name, async (context) => {
        const reason = notAsked(opened.target, each, opened.lock)
        if (reason !== undefined) context.skip(reason)
        await runCase(opened.target, each, { signal: context.signal, lock: opened.lock })
      })
  })
}
