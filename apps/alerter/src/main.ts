import { runService } from '@lifeboat/shared/service/run-service.ts'
import { readAlerterConfig } from './config.ts'
import { openDeps } from './deps.ts'
import { startAlerter } from './service.ts'

await runService({
  name: 'alerter',
  readConfig: () => readAlerterConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startAlerter,
  health: (cfg) => cfg.health,
})
