import type { ScratchServer } from '@lifeboat/postgres/scratch/scratch-server.ts'
import type { Sha256 } from '@lifeboat/shared/domain/ids.ts'

/** What the phases of a drill leave behind for its end. */
export interface Course {
  manifestSha256?: Sha256
  server?: ScratchServer
}
