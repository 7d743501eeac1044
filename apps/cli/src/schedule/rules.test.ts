import { fileURLToPath } from 'node:url'
import { readConfigFile } from '@lifeboat/config/read-config.ts'
import type { PolicyId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import { rulesInForce } from './rules.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../docs/examples/records-fhir.lifeboat.yaml', import.meta.url))

test('rules let go of what nobody holds, where something may be removed', async () => {
  const config = await readConfigFile(EXAMPLE)
  const { removal: _, ...locked } = config.targets['gcp' as TargetId] as object & { removal?: unknown }
  const rulesOf = rulesInForce({ ...config, targets: { ...config.targets, gcp: locked } } as never)
  const ask = (policyId: string, targetId: string) => rulesOf(policyId as PolicyId, targetId as TargetId)
  expect(ask('daily', 'aws')).toMatchObject({ daily: 30 })
  expect(ask('daily', 'gcp')).toBeUndefined()
  expect(ask('weekly-database', 'aws')).toMatchObject({ weekly: 8 })
  expect(ask('monthly-database', 'vault')).toBeUndefined()
})
