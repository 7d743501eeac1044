import type { CatalogueEntry } from './entry.ts'

/** Bytes and documents of a backup that are not as they were sealed. */
export const ARTIFACT_ERRORS = {
  ARTIFACT_TRUNCATED: {
    title: 'An artifact ends before its contents do',
    hint: 'The tool stopped early although it reported success: look at its stderr in the log.',
    retry: 'later',
    level: 'error',
  },
  ARTIFACT_DIGEST_MISMATCH: {
    title: 'The bytes of an artifact are not the ones that were sealed',
    hint: 'This copy is damaged. Another target may hold a good one: `lifeboat drill run --target`.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_PART_MISSING: {
    title: 'A part that the manifest lists is missing',
    hint: 'This copy is incomplete; look who removed objects from the bucket.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_SURPLUS_PART: {
    title: 'The copy holds an object that the manifest does not list',
    hint: 'Somebody wrote into the backup folder; look at the access log of the bucket.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_KEY_WRONG: {
    title: 'The artifact cannot be decrypted with this identity',
    hint: 'Compare `recipients` in the manifest with the public key of the identity the verifier uses.',
    retry: 'never',
    level: 'error',
  },
  ARTIFACT_UNREADABLE: {
    title: 'An artifact cannot be decrypted or unpacked',
    hint: 'The facts name the program that refused it and its last lines.',
    retry: 'never',
    level: 'error',
  },
  MANIFEST_MISSING: {
    title: 'There is no manifest, so there is no backup',
    hint: 'The copy was never completed, or somebody removed its manifest.json.',
    retry: 'never',
    level: 'error',
  },
  MANIFEST_TAMPERED: {
    title: 'The signature of a manifest or of evidence does not hold',
    hint: 'Compare the public key in `signers` with the agent that made it; otherwise somebody changed the document.',
    retry: 'never',
    level: 'error',
  },
} as const satisfies Record<string, CatalogueEntry>
