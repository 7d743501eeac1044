import type { Artifact, Manifest } from '@lifeboat/shared/domain/manifest.ts'
import { type Fetcher, fetchInTurn } from './fetch-artifact.ts'

/** Whose artifact it is, and which. */
export interface OneOf {
  manifest: Manifest
  artifact: Artifact
}

/** The parts of artifacts that are worked on one after the other. Disposing waits for what is still being fetched. */
export interface PartsInTurn extends AsyncDisposable {
  /** Of the artifact whose turn it is; once, and all of it before the next. */
  of(artifact: Artifact): AsyncIterable<string>
}

/**
 * While the last part of one artifact is worked on the first of the next is fetched already. As with `fetchParts` two parts lie on the disk, whatever there is of them.
 *
 * @param progress of one artifact
 */
export function partsInTurn(
  fetcher: Fetcher,
  wanted: readonly OneOf[],
  progress: (artifact: Artifact) => (bytes: number) => void,
): PartsInTurn {
  const parts = fetchInTurn(
    fetcher,
    wanted.map(({ manifest, artifact }) => ({ owner: manifest, artifact, report: progress(artifact) })),
  )
  return {
    async *of(artifact) {
      for (let left = artifact.parts.length; left > 0; left--) {
        const { value } = await parts.next()
        if (value === undefined) return
        yield value
      }
    },
    async [Symbol.asyncDispose]() {
      await parts.return()
    },
  }
}
