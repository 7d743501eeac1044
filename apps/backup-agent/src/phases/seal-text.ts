import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import type { ArtifactName } from '@lifeboat/shared/domain/ids.ts'
import type { Artifact } from '@lifeboat/shared/domain/manifest.ts'
import type { BackupRun } from '../backup-run.ts'
import type { BaseToolbox } from '../toolbox.ts'
import { encryptedInto } from './encrypted-into.ts'

const PARAMS = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }

type Sealing = Pick<BackupRun, 'recipients' | 'writer' | 'signal' | 'log'>

interface What {
  name: ArtifactName
  role: Artifact['role']
  /** What makes such contents, for the manifest. */
  from: string
}

/** Compresses and encrypts a text that is already here into an artifact of its own. */
export function sealText(
  run: Sealing,
  tools: Pick<BaseToolbox, 'age'>,
  { text, ...what }: What & { text: string },
): Promise<Artifact> {
  return sealHere(run, tools, what, Readable.from([Buffer.from(text, 'utf8')]))
}

/**
 * Makes an artifact of what is no bulk, without programs: to start them for some kilobytes takes longer than a small table, and at the end of a backup everybody waits for it. zstd
 * works in a thread of its own.
 */
export async function sealHere(
  run: Sealing,
  tools: Pick<BaseToolbox, 'age'>,
  { name, role, from }: What,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Artifact> {
  const written = await pipeline(
    bytes,
    createZstdCompress({ params: PARAMS }),
    encryptedInto(run.writer(name), run, tools),
  )
  return { name, role, ...written, encoding: [from, 'zstd', 'age'] }
}
