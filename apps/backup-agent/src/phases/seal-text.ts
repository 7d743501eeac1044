import { promisify } from 'node:util'
import { constants, zstdCompress } from 'node:zlib'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { age } from '@lifeboat/postgres/tools/age.ts'
import { zstd } from '@lifeboat/postgres/tools/zstd.ts'
import { encrypt, type NativeRecipients, nativeRecipients } from '@lifeboat/shared/age/encrypt.ts'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { encodingOf } from './dump.ts'

const LEVEL = 3
/** While the agent encrypts it does nothing else; what becomes of a longer text may take it more than some milliseconds. */
const SHORT_BYTES = 8 * 1024 * 1024

const compressed = promisify(zstdCompress)

/**
 * Compresses and encrypts a text that is already here into an artifact of its own. A short one here: to start the programs for some kilobytes takes
 * longer than a small table, and at the end of a dump everybody waits for it. The same formats come of both.
 */
export async function sealText(
  run: Pick<BackupRun, 'recipients' | 'writer' | 'signal' | 'log'>,
  tools: BaseToolbox,
  { name, role, text, from }: { name: ArtifactName; role: Artifact['role']; text: string; from: string },
): Promise<Artifact> {
  const plain = Buffer.from(text, 'utf8')
  const keys = plain.byteLength <= SHORT_BYTES ? nativeRecipients(run.recipients) : undefined
  const stages = [
    zstd({ program: tools.zstd.path, level: LEVEL }),
    age({ program: tools.age.path, recipients: run.recipients }),
  ]
  const sink = run.writer(name)
  const result = keys
    ? await sink(sealedHere(plain, keys))
    : (await runPipeline(stages, sink, run, { input: handedOut(plain) })).result
  return { name, role, ...result, encoding: [from, ...encodingOf(stages)] }
}

async function* sealedHere(plain: Buffer, keys: NativeRecipients): AsyncGenerator<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 }
  yield* encrypt(await compressed(plain, { params }), keys)
}

async function* handedOut(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
