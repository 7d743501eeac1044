import { buffer } from 'node:stream/consumers'
import type { AgentId, BackupId, TargetId } from '@lifeboat/shared/domain/ids.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import { bodyOf, putBytes, rejectsWith, settled } from '@lifeboat/storage/conformance/target-case.ts'
import { type Fault, faulty } from '@lifeboat/storage/layers/faulty.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import type { Target } from '@lifeboat/storage/target.ts'
import { expect, test } from 'vitest'
import type { AgentSpools } from './agent-spools.ts'
import { openGate } from './gate.ts'
import { partSource, type Wanted } from './part-source.ts'
import { PartsUnderWay } from './parts-under-way.ts'

const signal = new AbortController().signal
const key = 'records/backups/20260926T020000Z-dump-k3f9qa/db.dump.zst.age.00000'
const wanted: Wanted = {
  key,
  backupId: '20260926T020000Z-dump-k3f9qa' as BackupId,
  agentId: 'db1' as AgentId,
  name: 'db.dump.zst.age.00000',
  targets: ['aws', 'gcp', 'nas'] as TargetId[],
  for: 'aws' as TargetId,
}

test('the agent is asked first, and nobody else while it has the part', async () => {
  const { body, from } = await sourceOf(agentWith('from the agent'), [await targetWith('gcp', 'x')]).open(
    wanted,
    signal,
  )
  expect([from, (await buffer(body)).toString()]).toEqual(['agent', 'from the agent'])
})

test('what the agent let go comes from a target that has it', async () => {
  const lanes = [memory('aws'), memory('gcp'), await targetWith('nas', 'from nas')]
  const { body, from } = await sourceOf(agentWithout, lanes).open(wanted, signal)
  expect([from, (await buffer(body)).toString()]).toEqual(['nas', 'from nas'])
})

test('while the agent is away a target that has the part stands in', async () => {
  const { from } = await sourceOf(agentAway, [await targetWith('gcp', 'x')]).open(wanted, signal)
  expect(from).toBe('gcp')
})

test('the target that is being filled, and targets the backup does not go to, are not asked', async () => {
  const lanes = [await targetWith('aws', 'x'), await targetWith('elsewhere', 'x')]
  await rejectsWith('PART_GONE', sourceOf(agentWithout, lanes).open(wanted, signal))
})

test('gone everywhere is told apart from not to be asked now', async () => {
  const both = [memory('gcp'), memory('nas')]
  const everywhere = await settled(sourceOf(agentWithout, both).open(wanted, signal))
  expect(everywhere).toMatchObject({ thrown: { code: 'PART_GONE', facts: { everywhere: true } } })
  const gcp = faulty(memory('gcp'), [{ on: 'get', does: { fail: 'TARGET_UNREACHABLE' } }])
  const away = await settled(sourceOf(agentWithout, [gcp, memory('nas')]).open(wanted, signal))
  expect(away).toMatchObject({ thrown: { code: 'PART_GONE', facts: { everywhere: false, away: ['gcp'] } } })
})

test('a target of the backup that this uploader does not know may have the part: it is not gone everywhere', async () => {
  const unasked = await settled(sourceOf(agentWithout, [memory('gcp')]).open(wanted, signal))
  expect(unasked).toMatchObject({ thrown: { code: 'PART_GONE', facts: { everywhere: false, away: ['nas'] } } })
  const source = sourceOf(agentWith('rotten'), [memory('gcp')])
  await rejectsWith('PART_GONE', source.open(wanted, signal, new Set(['agent'])))
})

test('an agent that is away is the answer when no target has the part either', async () => {
  await rejectsWith('AGENT_UNREACHABLE', sourceOf(agentAway, [memory('gcp')]).open(wanted, signal))
})

test('trouble of the target that is read from is never taken for trouble of the one that is filled', async () => {
  const cut: Fault = { on: 'get', does: { cutAfter: 0 } }
  const gcp = faulty(await targetWith('gcp', 'x'), [cut])
  const { body } = await sourceOf(agentWithout, [gcp]).open(wanted, signal)
  await rejectsWith('PART_GONE', buffer(body))
})

test('places that handed out wrong bytes are not asked again', async () => {
  const source = sourceOf(agentWith('rotten'), [await targetWith('gcp', 'good'), memory('nas')])
  expect((await source.open(wanted, signal, new Set(['agent']))).from).toBe('gcp')
  await rejectsWith('ARTIFACT_DIGEST_MISMATCH', source.open(wanted, signal, new Set(['agent', 'gcp'])))
})

function sourceOf(agent: AgentSpools['open'], targets: Target[]) {
  const lanes = targets.map((target) => ({
    target,
    looks: target,
    gate: openGate(target.id, silentLogger),
    underWay: new PartsUnderWay(),
    unreadable: new Map(),
  }))
  return partSource({ open: agent, [Symbol.dispose]() {} }, lanes)
}

const agentWith = (text: string) => async () => bodyOf(Buffer.from(text))()
const agentWithout = async () => undefined
const agentAway = () => Promise.reject(new LifeboatError('AGENT_UNREACHABLE'))

function memory(id: string): MemoryTarget {
  return openMemory(id as TargetId)
}

async function targetWith(id: string, text: string): Promise<MemoryTarget> {
  const target = memory(id)
  await putBytes(target, key, Buffer.from(text), signal)
  return target
}
