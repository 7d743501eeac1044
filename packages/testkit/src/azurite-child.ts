import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

// The channel closes when the process that started us ends, however it ends; then nobody else is left to clear away.
process.on('disconnect', () => {
  rmSync(process.cwd(), { recursive: true, force: true })
  process.exit()
})
// On a busy machine seconds pass between two requests, and a connection that is closed just then fails the second. Its own option for that is not heeded.
require('azurite/dist/src/blob/utils/constants.js').DEFAULT_BLOB_KEEP_ALIVE_TIMEOUT = 24 * 3600
require('azurite/dist/src/blob/main.js')
