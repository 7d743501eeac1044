import { runService } from '@lifeboat/shared/service/run-service.ts'
import { readAgentConfig } from './config.ts'
import { openDeps } from './deps.ts'
import { startAgent } from './service.ts'

await runService({
  name: 'backup-agent',
  readConfig: () => readAgentConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startAgent,
  id: (cfg) => cfg.agentId,
})
