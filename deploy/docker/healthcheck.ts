/** `node healthcheck.ts URL`: exits 0 when the URL answers with success within three seconds. */
const answer = await fetch(process.argv[2] ?? '', { signal: AbortSignal.timeout(3000) }).catch(() => undefined)
process.exit(answer?.ok ? 0 : 1)
