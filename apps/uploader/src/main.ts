import { keepMemoryFlat } from '@lifeboat/shared/service/lean-memory.ts'

// Before anything big is loaded: a nursery that has grown does not shrink again.
keepMemoryFlat()
const [{ runService }, { readUploaderConfig }, { openDeps }, { startUploader }] = await Promise.all([
  import('@lifeboat/shared/service/run-service.ts'),
  import('./config.ts'),
  import('./deps.ts'),
  import('./service.ts'),
])

await runService({
  name: 'uploader',
  readConfig: () => readUploaderConfig({ env: process.env, cwd: process.cwd() }),
  open: openDeps,
  start: startUploader,
  health: (cfg) => cfg.health,
})
