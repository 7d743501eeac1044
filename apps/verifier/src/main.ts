import { runService } from '@lifeboat/shared/service/run-service.ts'
import { readVerifierConfig } from './config.ts'
import { openDeps } from './deps.ts'
import { startVerifier } from './service.ts'

await runService({
  name: 'verifier',
  readConfig: () => readVerifierConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startVerifier,
  health: (cfg) => cfg.health,
  id: (cfg) => cfg.id,
})
