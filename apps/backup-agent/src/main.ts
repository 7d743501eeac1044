import { keepMemoryFlat } from '@lifeboat/shared/service/lean-memory.ts'

// Before anything big is loaded: a nursery that has grown does not shrink again.
keepMemoryFlat()
const [{ runService }, { readAgentConfig }, { openDeps }, { startAgent }] = await Promise.all([
  import('@lifeboat/shared/service/run-service.ts'),
  import('./config.ts'),
  import('./deps.ts'),
  import('./service.ts'),
])

await runService({
  name: 'backup-agent',
  readConfig: () => readAgentConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startAgent,
  id: (cfg) => cfg.agentId,
})
