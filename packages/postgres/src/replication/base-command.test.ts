import { expect, test } from 'vitest'
import { baseBackupCommand } from './base-command.ts'

test.each([
  [undefined, undefined],
  [20 * 1024 ** 2, 20 * 1024],
  [1000, 32],
  [1024 ** 3, 1024 ** 2],
  [5 * 1024 ** 3, undefined],
])(
  'of a limit of %s bytes a second the server is told no less than it is, and only what it accepts',
  (limit, kilobytes) => {
    const opts = { label: 'l', checkpoint: 'fast', compression: 'none', wal: true } as const
    const command = baseBackupCommand(limit === undefined ? opts : { ...opts, maxBytesPerSecond: limit })
    expect(/MAX_RATE (\d+)/.exec(command)?.[1]).toBe(kilobytes?.toString())
  },
)
