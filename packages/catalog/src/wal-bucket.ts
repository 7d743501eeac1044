import type { BucketDefinition } from '@lifeboat/shared/bus/bus.ts'
import { WalState } from '@lifeboat/shared/domain/wal.ts'

/** Key: the source. */
export const WAL_BUCKET: BucketDefinition<WalState> = {
  name: 'lifeboat_wal',
  summary: 'How far the WAL of each source has come: received, off-site, kept back on the server.',
  schema: WalState,
  permanent: true,
}
