import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DrillFinished, DrillRequested } from '@lifeboat/shared/bus/messages/drill.ts'
import { Secret } from '@lifeboat/shared/config/secret.ts'
import { Evidence } from '@lifeboat/shared/domain/drill.ts'
import { type FleetId, moment, operatorRunId, type TargetId } from '@lifeboat/shared/domain/ids.ts'
import type { Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { silentLogger } from '@lifeboat/shared/log/logger.ts'
import type { Progress } from '@lifeboat/shared/run/run.ts'
import { Footings } from '@lifeboat/shared/service/footings.ts'
import { createMetrics } from '@lifeboat/shared/service/metrics.ts'
import { newSigningKeyPair, openSigner, type Signer, verifySigned } from '@lifeboat/shared/signing/signing.ts'
import { systemClock } from '@lifeboat/shared/time/clock.ts'
import { type MemoryTarget, openMemory } from '@lifeboat/storage/memory.ts'
import { DEFAULT_RULES, type DrillRules } from '@lifeboat/verifier/config.ts'
import type { VerifierDeps } from '@lifeboat/verifier/deps.ts'
import { verifierEvents } from '@lifeboat/verifier/events.ts'
import { runDrill } from '@lifeboat/verifier/handlers/run-drill.ts'

const run = promisify(execFile)

/** A verifier's dependencies with a target in memory, and what a test wants to see of them. */
export interface DrillRoom extends AsyncDisposable {
  deps: VerifierDeps
  target: MemoryTarget
  agent: Signer
  recipient: string
  said: DrillFinished[]
  progress: Progress[]
  /** Drills a copy and gives what was published; `attempt` above the patience makes troubles a verdict. */
  drill(manifest: Manifest, more?: DrillMore): Promise<DrillFinished>
  /** The evidence of a finished drill, its signature checked. */
  evidence(fact: DrillFinished): Promise<Evidence>
  /** What lies in the scratch path. */
  leftovers(): Promise<string[]>
}

export interface DrillMore {
  rules?: Partial<DrillRules>
  attempt?: number
  signal?: AbortSignal
  wish?: Partial<DrillRequested>
  deps?: Partial<VerifierDeps>
}

export async function openDrillRoom(): Promise<DrillRoom> {
  const folder = await mkdtemp(join(tmpdir(), 'lifeboat-drill-'))
  await chmod(folder, 0o755)
  const [agentKey, verifierKey, key] = await Promise.all([newSigningKeyPair(), newSigningKeyPair(), newIdentity()])
  const signers = { db1: agentKey.publicKey, verifier: verifierKey.publicKey }
  const target = openMemory('aws' as TargetId)
  const said: DrillFinished[] = []
  const progress: Progress[] = []
  const deps: VerifierDeps = {
    bus: {
      async publish(_type, data) {
        said.push(data as DrillFinished)
        return { duplicate: false, sequence: said.length }
      },
      consume: () => Promise.reject(new Error('no bus here')),
      sendProgress: (report) => progress.push(report),
    },
    fleet: 'testers' as FleetId,
    signer: await openSigner('verifier', verifierKey.privateKey),
    ...{
      signers,
      targets: new Map([[target.id, target]]),
      rules: new Map(),
      rehearsals: new Map(),
      heartbeats: new Map(),
    },
    identity: new Secret(key.identity),
    ...{ scratchPath: join(folder, 'scratch'), keepFailedMs: 60_000, toolPaths: [], concurrency: 1 },
    footings: new Footings(),
    cancels: { of: () => ({ signal: new AbortController().signal, [Symbol.dispose]() {} }) },
    ...{ events: verifierEvents(createMetrics('test')), clock: systemClock, log: silentLogger },
  }
  return {
    ...{ deps, target, said, progress, recipient: key.recipient },
    agent: await openSigner('db1', agentKey.privateKey),
    async drill(manifest, more = {}) {
      const rules = new Map([[manifest.policyId, { ...DEFAULT_RULES, ...more.rules }]])
      const signal = more.signal ?? new AbortController().signal
      const delivery = { attempt: more.attempt ?? 99, publishedAt: Date.now(), signal, log: silentLogger }
      await runDrill({ ...deps, rules, ...more.deps })(wishFor(manifest, target.id, more.wish), delivery)
      return said.at(-1) as DrillFinished
    },
    async evidence({ sourceId, backupId, drillId }) {
      const text = target.objects.get(`${sourceId}/drills/${backupId}/${drillId}.json`)?.toString() ?? ''
      return Evidence.parse((await verifySigned(text, 'lifeboat-evidence', signers)).document)
    },
    async leftovers() {
      const names = await readdir(deps.scratchPath).catch(() => [])
      return names.filter((name) => name.startsWith('scratch-'))
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

export async function newIdentity(): Promise<{ identity: string; recipient: string }> {
  const { stdout } = await run('age-keygen', [])
  return { identity: stdout, recipient: /age1[0-9a-z]+/.exec(stdout)?.[0] ?? '' }
}

function wishFor(of: Manifest, targetId: TargetId, more: Partial<DrillRequested> = {}): DrillRequested {
  const { backupId, sourceId, policyId, kind } = of
  const runId = operatorRunId(policyId, sourceId, Date.now())
  return {
    runId,
    backupId,
    sourceId,
    policyId,
    kind,
    targetId,
    requestedBy: 'operator',
    requestedAt: moment(Date.now()),
    ...more,
  }
}
