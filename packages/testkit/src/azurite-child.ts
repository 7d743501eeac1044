import { createRequire } from 'node:module'

// The channel closes when the process that started us ends, however it ends.
process.on('disconnect', () => process.exit())
createRequire(import.meta.url)('azurite/dist/src/blob/main.js')
