import { keepMemoryFlat } from '@lifeboat/shared/service/lean-memory.ts'

// Before anything big is loaded: a nursery that has grown does not shrink again.
keepMemoryFlat()
const [{ runService }, { readVerifierConfig }, { openDeps }, { startVerifier }] = await Promise.all([
  import('@lifeboat/shared/service/run-service.ts'),
  import('./config.ts'),
  import('./deps.ts'),
  import('./service.ts'),
])

await runService({
  name: 'verifier',
  readConfig: () => readVerifierConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startVerifier,
  health: (cfg) => cfg.health,
  id: (cfg) => cfg.id,
})
