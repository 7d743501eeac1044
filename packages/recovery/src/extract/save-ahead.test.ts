import { expect, test } from 'vitest'
import { SaveAhead } from './save-ahead.ts'

const MIB = 1024 ** 2

/** A disk that takes each request up and finishes it when told to. */
function slowDisk() {
  const asked: string[] = []
  let finish = (_failure?: Error) => {}
  const ahead = new SaveAhead((path) => {
    asked.push(path)
    return new Promise((resolve, reject) => {
      finish = (failure) => (failure ? reject(failure) : resolve())
    })
  })
  const done = async (failure?: Error) => {
    finish(failure)
    await new Promise(setImmediate)
  }
  return { ahead, asked, done }
}

test('nothing is asked of the disk before it is worth it, and nothing for small files', () => {
  const { ahead, asked } = slowDisk()
  for (let no = 0; no < 100; no++) {
    ahead.wrote(`small ${no}`, MIB / 2)
    ahead.closed(`small ${no}`)
  }
  ahead.wrote('large', 15 * MIB)
  expect(asked).toEqual([])
  ahead.wrote('large', MIB)
  expect(asked).toEqual(['large'])
})

test('one request at a time, the oldest file first; what comes for a file meanwhile is asked for again', async () => {
  const { ahead, asked, done } = slowDisk()
  ahead.wrote('one', 16 * MIB)
  ahead.wrote('two', 10 * MIB)
  ahead.closed('two')
  ahead.wrote('one', 10 * MIB)
  expect(asked).toEqual(['one'])
  ahead.wrote('one', 10 * MIB)
  await done()
  expect(asked).toEqual(['one', 'two'])
  ahead.wrote('one', 2 * MIB)
  await done()
  expect(asked).toEqual(['one', 'two', 'one'])
  await done()
  await ahead.settled()
  expect(asked).toHaveLength(3)
})

test('what the disk could not keep ends the extraction: the server that asks next would not hear of it', async () => {
  const { ahead, done } = slowDisk()
  ahead.wrote('one', 16 * MIB)
  await done(new Error('EIO: i/o error'))
  await expect(ahead.settled()).rejects.toThrow('EIO')
  expect(() => ahead.wrote('one', 1)).toThrow('EIO')
})

test('a file that lies there is saved', async () => {
  const ahead = new SaveAhead()
  ahead.wrote(import.meta.filename, 16 * MIB)
  await ahead.settled()
})

test('a file that is gone is told, too', async () => {
  const ahead = new SaveAhead()
  ahead.wrote(`${import.meta.filename}.gone`, 16 * MIB)
  await expect(ahead.settled()).rejects.toThrow('ENOENT')
})
