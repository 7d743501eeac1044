import { runService } from '@lifeboat/shared/service/run-service.ts'
import { readSchedulerConfig } from './config.ts'
import { openDeps } from './deps.ts'
import { startScheduler } from './service.ts'

await runService({
  name: 'scheduler',
  readConfig: () => readSchedulerConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startScheduler,
  health: (cfg) => cfg.health,
})
