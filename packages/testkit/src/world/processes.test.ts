import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { IMAGE_ENVIRONMENT } from './processes.ts'

test('services of tests and benchmarks run with what the image sets', () => {
  const image = readFileSync(new URL('../../../../Dockerfile', import.meta.url), 'utf8')
  const set = image.matchAll(/^ENV ((?:.*\\\n)*.*)$/gm).flatMap(([, line = '']) => line.split(/[\s\\]+/))
  const elsewhere = ['LIFEBOAT_CONFIG', 'NODE_ENV', 'NODE_COMPILE_CACHE']
  const same = [...set].filter((each) => !elsewhere.some((name) => each.startsWith(`${name}=`)))
  expect(same).toEqual(Object.entries(IMAGE_ENVIRONMENT).map(([name, value]) => `${name}=${value}`))
})
