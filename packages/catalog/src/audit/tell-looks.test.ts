import type { Bus } from '@lifeboat/shared/bus/bus.ts'
import { type BackupId, moment, type SourceId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import { expect, test } from 'vitest'
import type { Survey } from './survey.ts'
import { tellReading, tellSurvey } from './tell-looks.ts'

const about = { sourceId: 'records' as SourceId, backupId: '20260901T020000Z-dump-aaaaaa' as BackupId }
const at = moment(Date.UTC(2026, 8, 30))

function listener() {
  const told: string[] = []
  const publish: Bus['publish'] = async ({ subject }) => ({ duplicate: false, sequence: told.push(subject) })
  return { bus: { publish }, told }
}

test('a wish to mend goes out before anybody knows what is wrong: who dies between the two is asked again', async () => {
  const { bus, told } = listener()
  await tellReading(bus, { ...about, targetId: 'aws' as TargetId, at }, { found: 'damaged', problem: 'bytes' })
  expect(told).toEqual(['copy.remake-requested', 'copy.audited'])
})

test('what is whole again is told, what was not mended is asked for', async () => {
  const { bus, told } = listener()
  const survey = { survey: { targetId: 'aws', at }, orphans: [] } as unknown as Survey
  await tellSurvey(bus, {
    ...survey,
    findings: [{ ...about, found: 'whole', problem: 'it is there again' }],
    unmended: [],
  })
  expect(told).toEqual(['copy.audited'])
  await tellSurvey(bus, { ...survey, findings: [], unmended: [{ ...about, found: 'missing', problem: 'nothing' }] })
  expect(told).toEqual(['copy.audited', 'copy.remake-requested'])
})
