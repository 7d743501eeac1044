import { runService } from '@lifeboat/shared/service/run-service.ts'
import { readUploaderConfig } from './config.ts'
import { openDeps } from './deps.ts'
import { startUploader } from './service.ts'

await runService({
  name: 'uploader',
  readConfig: () => readUploaderConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startUploader,
  health: (cfg) => cfg.health,
})
