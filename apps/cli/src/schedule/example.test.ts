import { fileURLToPath } from 'node:url'
import { decideExpiry } from '@lifeboat/catalog/expiry/decide.ts'
import { readConfigFile } from '@lifeboat/config/read-config.ts'
import { expect, test } from 'vitest'
import { calendarPlans } from './plans.ts'
import { rulesInForce } from './rules.ts'
import { simulate } from './simulate.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../docs/examples/records-fhir.lifeboat.yaml', import.meta.url))

test('the shipped example runs the calendar of the runbook, and keeps what it says', { timeout: 120_000 }, async () => {
  const config = await readConfigFile(EXAMPLE)
  const fromMs = Date.parse('2026-09-26T00:00:00Z')
  const question = {
    plans: calendarPlans(config),
    fromMs,
    untilMs: fromMs + 60 * 86_400_000,
    rulesOf: rulesInForce(config),
    decide: decideExpiry,
  }
  const lines = [...simulate(question)].map(({ policyId, sourceId, kind, cron, zone, runs, first, last, kept }) => ({
    ...{ policyId, sourceId, kind, schedule: `${cron} ${zone}`, runs, first, last },
    kept: Object.entries(kept).map(([target, { backups, oldest }]) => `${target} ${backups} since ${oldest}`),
  }))
  await expect(`${JSON.stringify(lines, null, 2)}\n`).toMatchFileSnapshot('../../test/golden/example-60d.golden.json')
})
