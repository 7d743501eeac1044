import { expect, test } from 'vitest'
import { readNotice, unescaped } from './notices.ts'

test.each([
  ['tar: ./f1: file changed as we read it', 'changed', './f1'],
  ['tar: ./app.log: File shrank by 300 bytes; padding with zeros', 'changed', './app.log'],
  ['tar: ./f3: File removed before we read it', 'vanished', './f3'],
  ['tar: ./f3: Warning: Cannot stat: No such file or directory', 'vanished', './f3'],
  ['tar: ./a: b: Warning: Cannot open: Permission denied', 'unreadable', './a: b'],
  ['tar: ./sock: socket ignored', 'special', './sock'],
  ['tar: ./m: directory is on a different filesystem; not dumped', 'other-filesystem', './m'],
  [String.raw`tar: ./new\nline: Warning: Cannot open: Permission denied`, 'unreadable', './new\nline'],
])('%s', (line, notice, name) => {
  expect(readNotice(line)).toEqual({ notice, name: Buffer.from(name) })
})

test('what tar says about no file is no notice', () => {
  expect(readNotice('tar: Exiting with failure status due to previous errors')).toBeUndefined()
  expect(readNotice('something else')).toBeUndefined()
})

test('bytes that are no UTF-8 come back as they were', () => {
  expect(unescaped(String.raw`./bad\377 \\ \303\244`)).toEqual(
    Buffer.from([...Buffer.from('./bad'), 0xff, 0x20, 0x5c, 0x20, 0xc3, 0xa4]),
  )
})
